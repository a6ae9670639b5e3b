"""A lake of vectors with planted duplicates among near-misses, and how well they were found.

Scenes (200 directions with a common mean) hold places of a hundred views. Views of one place lie
at cosines of 0.85 to 0.93 of each other, within 300 m: near-misses of the threshold of 0.95, which
is what makes precision mean something. Planted copies lie at 0.96 to 0.999 of their original:

    pairs   8 % of the views are half of one
    fives   4 % are in sets of five, all at 0.96 or more of each other
    far     2 % are half of a pair at 0.993 or more, placed somewhere else: conflicting geotags
    crowds  one set of 500 for every 10^5 views (at least one), at 0.96 or more of each other
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georeasoner.lake import Lake
from georeasoner.records import TABLES

WIDTH = 512
KM_DEG = 360 / (2 * np.pi * 6371)
_ROWS = 16_384


def _unit(x: NDArray[Any]) -> NDArray[np.float32]:
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def set_sizes(count: int) -> NDArray[np.int64]:
    """Of every planted set its size; negative for a pair whose copy is placed elsewhere."""
    crowds = [500] * max(1, count // 100_000)
    kinds = [(2, 0.08), (5, 0.04), (-2, 0.02)]
    return np.concatenate([crowds, *([size] * int(count * s / abs(size)) for size, s in kinds)])


class Planted:
    """`count` views: `vectors` (count, 512) half precision, `lat`, `lon`, and `of`, the set of
    each view (a number of its own for one without copies)."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = set_sizes(count)
        copies = np.abs(sizes) - 1
        singles = count - int(copies.sum())
        self._views(rng, count, singles)
        original = np.repeat(np.arange(len(sizes)), copies)  # the first singles are originals
        far = np.repeat(sizes < 0, copies)
        low = np.select([far, np.repeat(sizes > 2, copies)], [0.993, 0.985], 0.96)
        self.of = np.concatenate([np.arange(singles), original])
        self._copies(rng, singles, original, low, far)
        order = rng.permutation(count)  # copies are nowhere near their originals
        self.vectors, self.of = self.vectors[order], self.of[order]
        self.lat, self.lon = self.lat[order], self.lon[order]
        self.locatability = rng.random(count)

    def _views(self, rng: np.random.Generator, count: int, singles: int) -> None:
        mean = _unit(rng.normal(size=(1, WIDTH)))
        decay = np.arange(1, WIDTH + 1) ** -0.5
        own = _unit(rng.normal(size=(200, WIDTH)) * decay)
        scene = _unit(np.sqrt(0.5) * mean + np.sqrt(0.5) * own)
        places = max(1, singles // 100)
        own = _unit(rng.normal(size=(places, WIDTH)))
        place = _unit(np.sqrt(0.7) * scene[rng.integers(200, size=places)] + np.sqrt(0.3) * own)
        at = rng.integers(places, size=singles)
        self.vectors = np.empty((count, WIDTH), dtype=np.float16)
        for s in range(0, singles, _ROWS):
            some = at[s : s + _ROWS]
            share = rng.uniform(0.85, 0.93, size=(len(some), 1))
            noise = _unit(rng.standard_normal(size=(len(some), WIDTH), dtype=np.float32))
            near = np.sqrt(share) * place[some] + np.sqrt(1 - share) * noise
            self.vectors[s : s + len(some)] = _unit(near)
        jitter = rng.uniform(-0.1, 0.1, size=(2, count)) * KM_DEG  # within 283 m of each other
        self.lat, self.lon = jitter
        self.lat[:singles] += rng.uniform(-60, 60, places)[at]
        self.lon[:singles] += rng.uniform(-179, 179, places)[at]

    def _copies(
        self, rng: np.random.Generator, singles: int, original: Any, low: Any, far: Any
    ) -> None:
        for s in range(0, len(original), _ROWS):
            some = original[s : s + _ROWS]
            cosine = rng.uniform(low[s : s + _ROWS], 0.999)[:, None]
            first = self.vectors[some].astype(np.float32)
            noise = rng.standard_normal(size=first.shape, dtype=np.float32)
            noise = _unit(noise - (noise * first).sum(axis=1, keepdims=True) * first)
            copy = cosine * first + np.sqrt(1 - cosine**2) * noise
            self.vectors[singles + s : singles + s + len(some)] = _unit(copy)
        self.lat[singles:] += self.lat[original]
        self.lon[singles:] += self.lon[original]
        self.lat[singles:][far] += 20.0

    def ids(self, start: int, stop: int) -> list[str]:
        """The ids of some rows, in their order."""
        return [f"{n:09d}" for n in range(start, min(stop, len(self.of)))]

    def write(self, folder: Path) -> Lake:
        """As a lake that is ingested and scored."""
        lake = Lake.create(folder)
        with lake.writing("planted", {}) as out:
            for tables in self._tables():
                for name, rows in tables.items():
                    out.add(name, rows)
                out.accept(count=tables["views"].num_rows)
        return lake

    def _tables(self) -> Iterator[dict[str, pa.Table]]:
        for s in range(0, len(self.of), _ROWS):
            e = s + _ROWS
            ids = self.ids(s, e)
            flat = pa.array(self.vectors[s:e].ravel())
            offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * WIDTH)
            yield {
                "views": _table(
                    "views", view_id=ids, lat=self.lat[s:e], lon=self.lon[s:e],
                    sha256=[f"{i:>64}" for i in ids],
                ),
                "embeddings": _table(
                    "embeddings", view_id=ids, model=["planted@1"] * len(ids),
                    vector=pa.ListArray.from_arrays(offsets, flat),
                ),
                "scores": _table(
                    "scores", view_id=ids, score_id=["clip:planted@1:0"] * len(ids),
                    locatability=self.locatability[s:e],
                ),
            }  # fmt: skip

    def compare(self, lake: Lake) -> dict[str, Any]:
        """Precision and recall of dropped views: those grouped with a view of their own set, and
        all but one of every set; how many conflicting geotags and crowds were found."""
        rows = lake.read("duplicates", ["view_id", "group_id", "keep", "reason"])
        view, group = (
            np.array(rows[c].to_pylist(), dtype=np.int64) for c in ("view_id", "group_id")
        )
        dropped = ~rows["keep"].to_numpy()
        right = int((self.of[view] == self.of[group])[dropped].sum())
        sizes = np.bincount(self.of)
        planted = int((sizes - 1).clip(0).sum())
        conflicts = sum(r.endswith("conflicting_geotag") for r in rows["reason"].to_pylist())
        whole = np.unique(group, return_counts=True)[1]
        return {
            "planted": planted,
            "dropped": int(dropped.sum()),
            "recall": right / planted,
            "precision": right / max(1, int(dropped.sum())),
            "conflicts_planted": int((set_sizes(len(self.of)) < 0).sum()),
            "conflicts_found": conflicts,
            "crowds_planted": int((sizes == 500).sum()),
            "crowds_whole": int((whole == 500).sum()),
        }


def _table(name: str, **columns: Any) -> pa.Table:
    schema = TABLES[name].schema
    rows = len(columns["view_id"])
    filled = {f.name: columns.get(f.name, pa.nulls(rows, f.type)) for f in schema}
    return pa.table(filled, schema=schema)
