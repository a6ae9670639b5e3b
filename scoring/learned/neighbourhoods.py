"""Folds over the globe: positions in; who may learn from whom out.

What a neighbourhood is can be chosen. `wide`: an H3 cell of about 1,800 km2 and the six around
it, so two views less than about 20 km apart are always in one; folds are made of whole cells of
about 87,000 km2 (some 300 km across). `cell`: the H3 cell of about 36 km2 that data sets are split
by (`builders.splits`); folds are made of such cells. A view takes part in no fit that is used in a
fold it lies in or next to (`cell`: in), so what a fit learnt of a neighbourhood it never says of
that neighbourhood.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import InputError


@dataclass(frozen=True)
class Kind:
    """H3 resolutions of a neighbourhood's cells and of a fold's, and how many rings are near."""

    near: int
    fold: int
    rings: int


KINDS = {"wide": Kind(near=4, fold=2, rings=1), "cell": Kind(near=6, fold=6, rings=0)}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Folds:
    """Which fold each part of the globe belongs to, and where the training views were."""

    count: int
    seed: int
    kind: Kind
    parents: NDArray[np.uint64]  # (P,) sorted cells of a fold's resolution with training views
    fold: Ints  # (P,) of each of them
    cells: NDArray[np.uint64]  # (M,) sorted cells of a neighbourhood's with training views

    @classmethod
    def of_views(
        cls, lat: Floats, lon: Floats, count: int, seed: int, kind: Kind = KINDS["wide"]
    ) -> Folds:
        """Cells in an order drawn by `seed`, each to the fold with the fewest views so far.

        Positions are in degrees, none missing. Raises `InputError` for fewer cells than folds.
        """
        cells = cells_of(lat, lon, kind.near)
        views = Counter(_parent(int(cell), kind.fold) for cell in cells)
        if len(views) < count:
            raise InputError(
                f"the views lie in {len(views)} H3 cells of resolution {kind.fold}",
                f"at least {count}, one for each fold",
                "fit on views of more places",
            )
        sizes, fold = [0] * count, {}
        for parent in sorted(views, key=lambda p: _draw(seed, p)):
            fold[parent] = sizes.index(min(sizes))
            sizes[fold[parent]] += views[parent]
        parents = sorted(fold)
        return cls(
            count, seed, kind, np.array(parents, np.uint64),
            np.array([fold[p] for p in parents]), np.unique(cells),
        )  # fmt: skip

    def of(self, lat: Floats, lon: Floats) -> Ints:
        """(N,) the fold whose fit saw nothing of a view's neighbourhood.

        -1 where no fit did (no training view near) or the position is unknown (NaN).
        """
        found = np.full(len(lat), -1)
        known = np.flatnonzero(~np.isnan(lat) & ~np.isnan(lon))
        training, fold = set(self.cells.tolist()), self._table()
        for n, cell in zip(
            known, cells_of(lat[known], lon[known], self.kind.near).tolist(), strict=True
        ):
            if not training.isdisjoint(_around(cell, self.kind.rings)):
                found[n] = self._fold(cell, fold)
        return found

    def near(self, lat: Floats, lon: Floats) -> NDArray[np.bool_]:
        """(N, K) whether a view lies in or next to a cell of each fold."""
        fold, known = self._table(), {}
        result = np.zeros((len(lat), self.count), dtype=np.bool_)
        for n, cell in enumerate(cells_of(lat, lon, self.kind.near).tolist()):
            if cell not in known:
                known[cell] = sorted({self._fold(c, fold) for c in _around(cell, self.kind.rings)})
            result[n, known[cell]] = True
        return result

    def _table(self) -> dict[int, int]:
        return dict(zip(self.parents.tolist(), self.fold.tolist(), strict=True))

    def _fold(self, cell: int, table: dict[int, int]) -> int:
        """Also cells without training views belong to a fold, so that every border has a side."""
        parent = _parent(cell, self.kind.fold)
        drawn = table.get(parent)
        return drawn if drawn is not None else _draw(self.seed, parent)[0] % self.count


def cells_of(lat: Floats, lon: Floats, resolution: int) -> NDArray[np.uint64]:
    """(N,) the H3 cell of each position in degrees."""
    from h3.api import basic_int as h3

    places = zip(lat.tolist(), lon.tolist(), strict=True)
    return np.array([h3.latlng_to_cell(a, b, resolution) for a, b in places], np.uint64)


@lru_cache(maxsize=1 << 17)
def _around(cell: int, rings: int) -> tuple[int, ...]:
    from h3.api import basic_int as h3

    return tuple(h3.grid_disk(cell, rings))


def _parent(cell: int, resolution: int) -> int:
    from h3.api import basic_int as h3

    return int(h3.cell_to_parent(cell, resolution))


def _draw(seed: int, cell: int) -> bytes:
    return hashlib.blake2b(f"{seed}|{cell}".encode(), digest_size=8).digest()
