"""Two sides in, what they share by kind out: the number of pairs, and for every view concerned,
of either side, the view of the other side that is closest to it.

Listing every pair would be hopeless where one author took half of both sides; a row per view and
kind is enough to judge by, and to leave out every view concerned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.audit.sides import Floats, Ints, Side, Words
from georeasoner.errors import ConfigError
from georeasoner.geodesy import EARTH_RADIUS_KM
from georeasoner.progress import track
from scoring.duplicates.stage import Rule
from scoring.search.neighbours import neighbours

# The surest kind first: a view is left out for the first that holds.
KINDS = (
    "same_id", "same_file", "same_picture", "same_phash", "same_sequence", "same_place",
    "same_author", "same_cell",
)  # fmt: skip
_KEYS = {
    "same_id": "view_id", "same_file": "sha256", "same_sequence": "sequence_id",
    "same_author": "author",
}  # fmt: skip
CELL_RESOLUTION = 6  # the neighbourhoods that the splits of a data set keep apart
_QUERIES = 1024


@dataclass(frozen=True)
class Limits:
    """From where on two views are the same: cosines as in `dedup`, a distance, differing bits."""

    threshold: float = 0.95
    near_km: float = 1.0
    far_threshold: float = 0.99
    place_km: float = 0.05
    phash_bits: int = 4

    def __post_init__(self) -> None:
        self.rule()
        if not 0 < self.place_km < 1000:
            raise ConfigError(f"place_km {self.place_km}", "a distance between 0 and 1000 km")
        if not 0 <= self.phash_bits < 64:
            raise ConfigError(f"phash_bits {self.phash_bits}", "a number of bits from 0 to 63")

    def rule(self) -> Rule:
        """When two embeddings are of the same picture."""
        return Rule(self.threshold, self.near_km, self.far_threshold)


@dataclass(frozen=True)
class Overlap:
    """K rows of the lake's side and of the benchmark's, out of `pairs` that are there."""

    kind: str
    pairs: int
    mine: Ints  # (K,)
    theirs: Ints  # (K,)
    bits: Ints | None = None  # (K,) that differ in the perceptual hashes


def find_overlaps(mine: Side, theirs: Side, limits: Limits) -> Iterator[Overlap]:
    """All kinds for which both sides have what they take, in the order of `KINDS`."""
    for kind in KINDS:
        if kind == "same_picture":
            yield _by_picture(mine, theirs, limits)
        elif kind == "same_phash":
            yield _by_phash(mine, theirs, limits.phash_bits)
        elif kind == "same_place":
            yield _by_place(mine, theirs, limits.place_km)
        else:
            yield _by_key(kind, *(_keys(kind, side) for side in (mine, theirs)))


def _keys(kind: str, side: Side) -> pa.Array:
    """What has to be equal, null where nothing is said: two unknown authors are not the same."""
    if kind == "same_cell":
        return _cells(side)
    words = pc.utf8_trim_whitespace(side.views[_KEYS[kind]].combine_chunks())
    if kind == "same_file":  # hexadecimal digits are written either way
        words = pc.utf8_lower(words)
    return pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)


def _cells(side: Side) -> pa.Array:
    import h3

    return pa.array(
        [
            None if np.isnan(lat) else h3.latlng_to_cell(lat, lon, CELL_RESOLUTION)
            for lat, lon in zip(side.lat.tolist(), side.lon.tolist(), strict=True)
        ],
        pa.string(),
    )


def _by_key(kind: str, mine: pa.Array, theirs: pa.Array) -> Overlap:
    """Views with equal keys; the partner of each is the first that has its key."""
    shared = pc.unique(pc.drop_null(theirs))
    codes = [
        pc.fill_null(pc.index_in(keys, value_set=shared, skip_nulls=True), -1)
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
        for keys in (mine, theirs)
    ]
    size = len(shared)
    counts = [np.bincount(code[code >= 0], minlength=size) for code in codes]
    first = [np.full(size, -1, np.int64) for _ in codes]
    for code, one in zip(codes, first, strict=True):
        there, at = np.unique(code, return_index=True)
        one[there[there >= 0]] = at[there >= 0]
    partners = []
    for own, other in ((0, 1), (1, 0)):
        rows = np.flatnonzero(codes[own] >= 0)
        partner = first[other][codes[own][rows]]
        partners.append((rows[partner >= 0], partner[partner >= 0]))
    (a, b), (d, c) = partners
    pairs = int((counts[0].astype(np.int64) * counts[1]).sum())
    return Overlap(kind, pairs, *_distinct(np.concatenate([a, c]), np.concatenate([b, d])))


def _by_place(mine: Side, theirs: Side, place_km: float) -> Overlap:
    """Views nearer than `place_km`, by a k-d tree over the globe in three dimensions.

    The chord between two points grows with the great circle, 2 sin(d / 2R), so poles and the date
    line need no care.
    """
    from scipy.spatial import KDTree

    rows = [np.flatnonzero(~np.isnan(side.lat)) for side in (mine, theirs)]
    points = [_on_sphere(s.lat[r], s.lon[r]) for s, r in zip((mine, theirs), rows, strict=True)]
    if not all(len(r) for r in rows):
        return Overlap("same_place", 0, *(np.zeros(0, np.int64),) * 2)
    chord = 2 * np.sin(place_km / EARTH_RADIUS_KM / 2)
    trees = [KDTree(p) for p in points]
    pairs = int(trees[0].query_ball_point(points[1], chord, return_length=True).sum())
    near = []
    for own, other in ((0, 1), (1, 0)):
        _, at = trees[other].query(points[own], distance_upper_bound=chord)
        found = at < len(rows[other])
        near.append((rows[own][found], rows[other][at[found]]))
    (a, b), (d, c) = near
    both = _distinct(np.concatenate([a, c]), np.concatenate([b, d]))
    return Overlap("same_place", pairs, *both)


def _on_sphere(lat: Floats, lon: Floats) -> Floats:
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)


def _by_picture(mine: Side, theirs: Side, limits: Limits) -> Overlap:
    """Embeddings that the rule of `dedup` takes for the same picture."""
    closest, rule = _Closest(len(mine), len(theirs)), limits.rule()
    if len(mine.unit) and len(theirs.unit):
        for hits in neighbours(mine.unit, theirs.unit, limits.threshold, "audit"):
            own, other = mine.picture[hits.found], theirs.picture[hits.query]
            distance = mine.distance_km(own, theirs, other)
            no_hash = np.full(len(own), np.nan)  # hashes are a kind of their own
            holds = rule.holds(hits.similarity.astype(np.float64), no_hash, distance)
            closest.add(own[holds], other[holds], hits.similarity[holds])
    return Overlap("same_picture", closest.pairs, *closest.partners())


def _by_phash(mine: Side, theirs: Side, most_bits: int) -> Overlap:
    """Perceptual hashes that differ in at most so many of 64 bits, by exhaustive search."""
    import faiss

    closest = _Closest(len(mine), len(theirs))
    if len(mine.phash) and len(theirs.phash):
        index = faiss.IndexBinaryFlat(64)
        index.add(_octets(mine.phash))
        queries = _octets(theirs.phash)
        for start in track(range(0, len(queries), _QUERIES), "audit (searches)"):
            # the search takes what is below its radius
            ends, bits, found = index.range_search(queries[start : start + _QUERIES], most_bits + 1)
            query = np.repeat(np.arange(len(ends) - 1) + start, np.diff(ends).astype(np.int64))
            closest.add(mine.hashed[found], theirs.hashed[query], -bits.astype(np.float32))
    own, other = closest.partners()
    hashes = [np.zeros(len(side), np.uint64) for side in (mine, theirs)]
    for side, of in zip((mine, theirs), hashes, strict=True):
        of[side.hashed] = side.phash
    differ = np.bitwise_count(hashes[0][own] ^ hashes[1][other]).astype(np.int64)
    return Overlap("same_phash", closest.pairs, own, other, differ)


def _octets(words: Words) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)


class _Closest:
    """Of a stream of pairs their number, and the closest partner of every view of both sides."""

    def __init__(self, mine: int, theirs: int) -> None:
        self.pairs = 0
        self._best = [np.full(n, -np.inf, np.float32) for n in (mine, theirs)]
        self._partner = [np.full(n, -1, np.int64) for n in (mine, theirs)]

    def add(self, mine: Ints, theirs: Ints, closeness: NDArray[np.float32]) -> None:
        """Some pairs and how close each is; each pair comes once."""
        self.pairs += len(mine)
        order = np.argsort(closeness, kind="stable")  # of one view's, the last and closest stays
        mine, theirs, closeness = mine[order], theirs[order], closeness[order]
        for side, own, other in ((0, mine, theirs), (1, theirs, mine)):
            better = closeness > self._best[side][own]
            self._best[side][own[better]] = closeness[better]
            self._partner[side][own[better]] = other[better]

    def partners(self) -> tuple[Ints, Ints]:
        """Rows of both sides: every view that was in a pair, with its closest partner."""
        a, d = (np.flatnonzero(partner >= 0) for partner in self._partner)
        b, c = self._partner[0][a], self._partner[1][d]
        return _distinct(np.concatenate([a, c]), np.concatenate([b, d]))


def _distinct(mine: Ints, theirs: Ints) -> tuple[Ints, Ints]:
    pairs = np.unique(np.stack([mine, theirs], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]
