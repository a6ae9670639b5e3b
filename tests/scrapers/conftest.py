"""Sources that a test writes itself; the spider finds them as it does those of other packages."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from georeasoner import registry

Install = Callable[[str, str], None]

_HEAD = """
from contextlib import nullcontext

from georeasoner.registry import register
from scrapers.source import Passage, html_links, missing, soup
"""


@pytest.fixture
def install_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """(name, text of a class `Source`): makes it a clue source of another, installed package."""

    def install(name: str, code: str) -> None:
        registry.names("clue_source")  # what ships is found before, and stays
        monkeypatch.setattr(registry, "_known", dict(registry._known))
        package = tmp_path / f"package-{name}"
        facts = package / f"{name}-1.dist-info"
        facts.mkdir(parents=True)
        (package / f"{name}_source.py").write_text(
            f"{_HEAD}\n{code}\n\nregister('clue_source', {name!r})(Source)\n"
        )
        (facts / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        (facts / "entry_points.txt").write_text(
            f"[georeasoner.clue_source]\n{name} = {name}_source:Source\n"
        )
        paths = [str(package), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
        monkeypatch.syspath_prepend(package)
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, f"{name}_source", raising=False)  # of another test
        importlib.import_module(f"{name}_source")

    return install
