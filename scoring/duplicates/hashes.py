"""Perceptual hashes that nearly agree, of pictures taken near each other: the search for them.

Hashes of 64 bits collide: flat skies, fog, drawn scenes. Only pictures of one place are compared,
so the search is by place, and every hash found there is compared: nothing is missed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from georeasoner.geodesy import EARTH_RADIUS_KM

_TURN = 1080.0  # the keys of one row of latitudes: longitudes from -540 to 540 degrees
_CANDIDATES = 4_000_000  # compared at a time
_RECENT = 65_536  # entries, before they are merged into the rest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]


def hamming(one: Bits, other: Bits) -> NDArray[np.int64]:
    """How many of 64 bits differ; shapes broadcast."""
    return np.bitwise_count(one ^ other).astype(np.int64)


class NearHashes:
    """Hashes with their places; `find` gives those within `near_km` that differ in few bits.

    Entries are sorted by row of latitude and, within a row, by longitude. Rows are `near_km` high,
    so what is near a place lies in three of them, in a window of longitudes.
    """

    def __init__(self, near_km: float, bits: int) -> None:
        self._bits = bits
        self._near = near_km / EARTH_RADIUS_KM * (1 + 1e-9) + 1e-9  # radians; 6 mm of slack
        self._height_deg = min(180.0, max(float(np.degrees(self._near)), 1e-3))
        self._levels = [_empty(), _empty()]  # the old ones and the recent ones

    def add(self, number: Ints, lat: Floats, lon: Floats, phash: Bits) -> None:
        """Entries (K,) under numbers; those without a position are near nothing."""
        known = np.isfinite(lat) & np.isfinite(lon)
        new = (self._key(lat[known], lon[known]), number[known], phash[known])
        self._levels[1] = _sorted(self._levels[1], new)
        if len(self._levels[1][0]) > _RECENT:
            self._levels = [_sorted(*self._levels), _empty()]

    def find(self, lat: Floats, lon: Floats, phash: Bits) -> tuple[Ints, Ints]:
        """Pairs (query, number) for (M,) queries. They may be a little further than `near_km`."""
        pairs = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        query, low, high = self._windows(lat, lon)
        for key, number, hashes in self._levels:
            start, end = np.searchsorted(key, low, "left"), np.searchsorted(key, high, "right")
            filled = np.flatnonzero(end > start)
            first, counts, asking = start[filled], (end - start)[filled], query[filled]
            for some in _slices(counts):
                count = counts[some]
                at = np.repeat(first[some] - np.cumsum(count) + count, count)
                at += np.arange(len(at))
                asked = np.repeat(asking[some], count)
                alike = hamming(hashes[at], phash[asked]) <= self._bits
                pairs.append((asked[alike], number[at[alike]]))
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
        return one, other

    def _row(self, lat: Floats) -> Floats:
        return np.floor((lat + 90.0) / self._height_deg)

    def _key(self, lat: Floats, lon: Floats) -> Floats:
        return self._row(lat) * _TURN + lon + 540.0

    def _windows(self, lat: Floats, lon: Floats) -> tuple[Ints, Floats, Floats]:
        """Windows of keys: of every query three rows, and once more across the date line."""
        known = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon))
        lat, lon = lat[known], lon[known]
        # the meridians that touch a circle of radius r around latitude b: sin r / cos b
        ratio = np.sin(min(self._near, np.pi / 2)) / np.maximum(np.cos(np.radians(lat)), 1e-12)
        pole = np.radians(np.abs(lat)) + self._near >= np.pi / 2
        reach = np.where(pole, 180.0, np.degrees(np.arcsin(np.minimum(ratio, 1.0))) + 1e-9)
        low, high, query = [], [], []
        for row in (-1, 0, 1):
            for turn in (-360.0, 0.0, 360.0):
                base = (self._row(lat) + row) * _TURN + 540.0
                west = np.maximum(lon + turn - reach, -180.0)
                east = np.minimum(lon + turn + reach, 180.0)
                there = west <= east
                query.append(known[there])
                low.append((base + west)[there])
                high.append((base + east)[there])
        return np.concatenate(query), np.concatenate(low), np.concatenate(high)


Level = tuple[Floats, Ints, Bits]


def _empty() -> Level:
    return np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint64)


def _sorted(one: Level, other: Level) -> Level:
    key, number, phash = (np.concatenate(c) for c in zip(one, other, strict=True))
    order = np.argsort(key, kind="stable")
    return key[order], number[order], phash[order]


def _slices(counts: Ints) -> list[slice]:
    """Cuts so that each slice sums to about `_CANDIDATES` at most (or is a single one)."""
    cuts, total = [0], 0
    for at, count in enumerate(counts.tolist()):
        if total and total + count > _CANDIDATES:
            cuts.append(at)
            total = 0
        total += count
    return [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(counts)], strict=True)]
