"""Labels of any segmentation data set in, ADE20K classes out.

The paper's weights belong to the 150 classes of ADE20K. A model or a table that knows other labels
is read through `labels.yaml`, which is written by hand; a label that is in neither is listed, and
its share of a picture counts for no class.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from georeasoner.records import ADE20K_CLASSES
from scoring.locatability import class_names

_FILE = Path(__file__).with_name("labels.yaml")


@dataclass(frozen=True)
class LabelMap:
    """Which ADE20K class each of K labels is; -1 for those that are none."""

    labels: tuple[str, ...]
    index: NDArray[np.int64]  # (K,) from -1 to 149

    @property
    def unmatched(self) -> list[str]:
        """The labels that are no ADE20K class."""
        return [name for name, at in zip(self.labels, self.index, strict=True) if at < 0]

    def shares(self, of_labels: NDArray[np.float64]) -> NDArray[np.float32]:
        """(N, K) shares of the labels to (N, 150); what is unmatched is left out of the sum."""
        found = np.zeros((len(of_labels), ADE20K_CLASSES), dtype=np.float64)
        known = self.index >= 0
        np.add.at(found.T, self.index[known], of_labels.T[known])
        return found.astype(np.float32)


def map_labels(labels: Sequence[str]) -> LabelMap:
    """Match labels by name, through the written mapping where they have other names."""
    index = [_class_of(label) for label in labels]
    return LabelMap(tuple(labels), np.array([-1 if k is None else k for k in index]))


def _class_of(label: str) -> int | None:
    """The class whose name, or one of whose synonyms, the label or one of its own synonyms is."""
    for name in _names(label):
        for known in (_written(), _by_name()):
            if name in known:
                return known[name]
        for beginning, at in _families().items():
            if name.startswith(beginning):
                return at
    return None


def _names(label: str) -> Iterator[str]:
    """What is compared of a label: of a path more and more of its end, and every synonym."""
    path = label.split("--")
    for name in (" ".join(path[start:]) for start in dict.fromkeys((0, 1, -2, -1))):
        yield _plain(name)
        yield from map(_plain, re.split("[,;]", name))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


@cache
def _by_name() -> dict[str, int]:
    """Whole names, then first synonyms, then synonyms that only one class has."""
    names = [_plain(name) for name in class_names()]
    split = [[_plain(part) for part in name.split(",")] for name in names]
    count = Counter(part for parts in split for part in parts)
    found = {name: at for at, name in enumerate(names)}
    for at, parts in enumerate(split):
        found.setdefault(parts[0], at)
    for at, parts in enumerate(split):
        for part in parts:
            if count[part] == 1:
                found.setdefault(part, at)
    return found


@cache
def _written() -> dict[str, int | None]:
    number = {name: at for at, name in enumerate(class_names())}
    groups: dict[str, dict[str, str | None]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        _plain(label): None if name is None else number[name]
        for group in groups.values()
        for label, name in group.items()
    }


@cache
def _families() -> dict[str, int | None]:
    """Lines of the mapping that end with "*": the beginnings of labels."""
    return {name.removesuffix("*"): at for name, at in _written().items() if name.endswith("*")}
