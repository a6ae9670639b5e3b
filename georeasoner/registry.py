"""Names to things: clue sources, view sources, scorers, tasks, models and metrics.

Each is one small file in its kind's folder with one `@register(kind, name)` on a class or
function. Looking a name up imports that folder, whose files keep heavy imports inside functions,
and the entry points of the group `georeasoner.<kind>`, so that another package can add its own.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from georeasoner.errors import UnknownNameError

FOLDERS = {
    "clue_source": "scrapers.sources",
    "view_source": "builders.sources",
    "scorer": "scoring.scorers",
    "task": "benchmark.tasks",
    "model": "benchmark.models",
    "metric": "benchmark.metrics",
}

_known: dict[tuple[str, str], Any] = {}
T = TypeVar("T")


def register(kind: str, name: str) -> Callable[[T], T]:
    """Decorator: make a class or function known as `name` among its kind."""
    if kind not in FOLDERS:
        raise UnknownNameError(f"registry kind {kind!r}", f"one of {', '.join(FOLDERS)}")

    def keep(thing: T) -> T:
        _known[kind, name] = thing
        return thing

    return keep


@cache
def _discover(kind: str) -> None:
    folder = importlib.import_module(FOLDERS[kind])
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{FOLDERS[kind]}.{module.name}")
    for point in entry_points(group=f"georeasoner.{kind}"):
        _known.setdefault((kind, point.name), point.load())


def names(kind: str) -> list[str]:
    """Every known name of a kind, sorted."""
    _discover(kind)
    return sorted(name for k, name in _known if k == kind)


def get(kind: str, name: str) -> Any:
    """The thing registered under a name. Raises `UnknownNameError` with the nearest names."""
    _discover(kind)
    if (kind, name) not in _known:
        known = names(kind)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else ""
        raise UnknownNameError(
            f"no {kind.replace('_', ' ')} {name!r}", f"one of {', '.join(known)}", hint
        )
    return _known[kind, name]
