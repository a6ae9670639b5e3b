"""Groups of near-duplicates: pictures in the order of their worth in, of each its leader out.

A picture that is a near-duplicate of no better leader is a leader itself; any other belongs to the
best leader that it is a near-duplicate of. These are the connected components of the graph of
near-duplicates under a guard against chains (a component keeps its best picture and what is like
that one; what is left of it is treated likewise): neighbours of a leader are in its component, so
components need not be made. Nor do pairs: pictures are compared with the leaders alone, and a
leader is like no other, so that ten thousand copies of one picture cost as much as ten thousand
different ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ConfigError
from georeasoner.geodesy import haversine_km
from georeasoner.progress import track
from scoring.duplicates.hashes import NearHashes, hamming
from scoring.duplicates.work import Work
from scoring.perceptual import BITS
from scoring.search.index import Matrix, first_come, make_index, search_all

STEP = 32_768  # pictures between two checkpoints
_BLOCK = 1024  # pictures compared with each other at once
_AGREE = 0.8  # pictures with a lower cosine are not the same whatever their hashes say
_ROUNDING = 2e-3  # by which half precision may shorten a cosine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """When two pictures are near-duplicates.

    Within `near_km` of each other: a cosine of at least `threshold`, or hashes that differ in at
    most `hash_bits` (None: hashes are not looked at) and a cosine, where it is known, that does
    not contradict them. Further apart: a cosine of at least `far_threshold` (above 1: never).
    """

    threshold: float
    near_km: float
    far_threshold: float
    hash_bits: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold}", "a cosine in (0, 1]")
        if not self.near_km >= 0:
            raise ConfigError(f"near_km {self.near_km}", "a distance of at least 0 km")
        if self.hash_bits is not None and not 0 <= self.hash_bits < BITS:
            raise ConfigError(f"hash_bits {self.hash_bits}", f"0 to {BITS - 1} differing bits")

    def by_hash(self, cosine: Floats, bits: Floats, distance_km: Floats) -> Mask:
        """For pairs; what is not known is NaN, and an unknown distance counts as far."""
        limit = -1 if self.hash_bits is None else self.hash_bits
        contradicted = cosine < min(_AGREE, self.threshold)
        return (bits <= limit) & (distance_km <= self.near_km) & ~contradicted

    def holds(self, cosine: Floats, bits: Floats, distance_km: Floats) -> Mask:
        """Whether pairs are near-duplicates, by either measure."""
        close = (distance_km <= self.near_km) | (cosine >= self.far_threshold)
        return ((cosine >= self.threshold) & close) | self.by_hash(cosine, bits, distance_km)


@dataclass(frozen=True)
class Pictures:
    """N pictures, the best first; what is not known is NaN."""

    unit: Matrix  # (N, D) as stored, zeros where there is no embedding
    norm: NDArray[np.float32]  # (N,) of the rows, NaN where there is none
    phash: NDArray[np.uint64]  # (N,)
    hashed: Mask  # (N,) whether there is a hash
    lat: Floats  # (N,) degrees
    lon: Floats

    def __len__(self) -> int:
        return len(self.norm)

    def directions(self, which: Ints) -> NDArray[np.float32]:
        """(K, D) of unit length in single precision, zeros where there is no embedding."""
        scale = np.nan_to_num(1 / self.norm[which])
        return self.unit[which].astype(np.float32) * scale[:, None]

    def cosine(self, one: Ints, other: Ints) -> Floats:
        """Of pairs (K,)."""
        result = np.empty(len(one))
        for start in range(0, len(one), 16_384):
            some = slice(start, start + 16_384)
            a, b = self.directions(one[some]), self.directions(other[some])
            result[some] = np.clip(np.einsum("kd,kd->k", a, b), -1, 1)
        result[np.isnan(self.norm[one]) | np.isnan(self.norm[other])] = np.nan
        return result

    def bits(self, one: Ints, other: Ints) -> Floats:
        """In which the hashes of pairs (K,) differ."""
        both = self.hashed[one] & self.hashed[other]
        return np.where(both, hamming(self.phash[one], self.phash[other]), np.nan)

    def distance_km(self, one: Ints, other: Ints) -> Floats:
        """Of pairs (K,)."""
        return haversine_km(self.lat[one], self.lon[one], self.lat[other], self.lon[other])


def find_leaders(pictures: Pictures, rule: Rule, method: str, work: Work) -> Ints:
    """Of every picture (N,) the number of its leader, which is its own where it leads.

    Done `STEP` pictures at a time; a run that was killed goes on after the last step that `work`
    has. `method` is how embeddings are searched, as in `scoring.search.index`.
    """
    grouping = _Grouping(pictures, rule, method)
    steps = range(0, len(pictures), STEP)
    for start in track(steps, "dedup (steps of 32,768 pictures)"):
        end = min(start + STEP, len(pictures))
        before = work.load(f"leaders-{start:010d}")
        if before is not None:
            grouping.leader[start:end] = before["leader"]
            grouping.add_leaders(start, end)
            continue
        for block in range(start, end, _BLOCK):
            grouping.settle(block, min(block + _BLOCK, end))
        work.save(f"leaders-{start:010d}", leader=grouping.leader[start:end])
    return grouping.leader


class _Grouping:
    """The leaders found so far, in an index of their embeddings and one of their hashes."""

    def __init__(self, pictures: Pictures, rule: Rule, method: str) -> None:
        self.leader = np.full(len(pictures), -1, dtype=np.int64)
        self._pictures, self._rule = pictures, rule
        self._radius = rule.threshold * (1 - _ROUNDING)
        # every picture is searched for once, in half of all leaders on average
        embedded = ~np.isnan(pictures.norm)
        self._index = None
        if embedded.any():
            self._index = make_index(method, pictures.unit, len(pictures) // 2, self._radius)
        # the pictures behind the index's numbers, of which so many are in it
        self._pictured, self._count = np.empty(int(embedded.sum()), dtype=np.int64), 0
        self._hashes = None
        if rule.hash_bits is not None and pictures.hashed.any():
            self._hashes = NearHashes(rule.near_km, rule.hash_bits)

    def settle(self, start: int, end: int) -> None:
        """Find the leaders of pictures `start` to `end`, all before them being settled."""
        block = np.arange(start, end)
        one, other = self._with_leaders(block)
        best = np.full(len(block), len(self._pictures), dtype=np.int64)
        np.minimum.at(best, one - start, other)
        found = best < len(self._pictures)
        self.leader[block[found]] = best[found]
        rest = block[~found]
        self.leader[rest] = rest[self._among(rest)]
        self.add_leaders(start, end)

    def add_leaders(self, start: int, end: int) -> None:
        """Those of pictures `start` to `end` that lead, to the indexes."""
        block = np.arange(start, end)
        leading = block[self.leader[block] == block]
        p = self._pictures
        embedded = leading[~np.isnan(p.norm[leading])]
        if self._index is not None and len(embedded):
            self._index.add(np.asarray(p.unit[embedded]))
            self._pictured[self._count : self._count + len(embedded)] = embedded
            self._count += len(embedded)
        hashed = leading[p.hashed[leading]]
        if self._hashes is not None:
            self._hashes.add(hashed, p.lat[hashed], p.lon[hashed], p.phash[hashed])

    def _with_leaders(self, block: Ints) -> tuple[Ints, Ints]:
        """Pairs of near-duplicates (a picture of the block, a leader found before)."""
        p = self._pictures
        pairs = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        embedded = block[~np.isnan(p.norm[block])]
        if self._index is not None and self._count and len(embedded):
            directions = p.directions(embedded)
            for _, hits in search_all(self._index, directions, self._radius):
                query, found = embedded[hits.query], self._pictured[hits.found]
                cosine = hits.similarity.astype(np.float64) / p.norm[found]
                pairs.append(self._alike(query, found, cosine))
        hashed = block[p.hashed[block]]
        if self._hashes is not None and len(hashed):
            query, found = self._hashes.find(p.lat[hashed], p.lon[hashed], p.phash[hashed])
            query = hashed[query]
            pairs.append(self._alike(query, found, p.cosine(query, found)))
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        return one, other

    def _among(self, rest: Ints) -> Ints:
        """Of pictures without an earlier leader, the position in `rest` of the one they follow."""
        p = self._pictures
        directions = p.directions(rest)
        cosine = np.clip(directions @ directions.T, -1, 1)
        near = cosine >= self._radius
        if self._hashes is not None:
            both = p.hashed[rest][:, None] & p.hashed[rest]
            differ = hamming(p.phash[rest][:, None], p.phash[rest])
            near |= both & (differ <= (self._rule.hash_bits or 0))
        one, other = np.nonzero(np.triu(near, 1))
        known = ~np.isnan(p.norm[rest[one]]) & ~np.isnan(p.norm[rest[other]])
        known_cosine = np.where(known, cosine[one, other].astype(np.float64), np.nan)
        alike = self._holds(rest[one], rest[other], known_cosine)
        return first_come(one[alike], other[alike], len(rest))

    def _alike(self, one: Ints, other: Ints, cosine: Floats) -> tuple[Ints, Ints]:
        holds = self._holds(one, other, cosine)
        return one[holds], other[holds]

    def _holds(self, one: Ints, other: Ints, cosine: Floats) -> Mask:
        p = self._pictures
        return self._rule.holds(cosine, p.bits(one, other), p.distance_km(one, other))
