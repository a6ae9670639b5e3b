"""The grouping beside a plain one made of all pairs, components and the guard; fog; resumption."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from georeasoner.errors import ConfigError
from georeasoner.lake import Lake
from scoring.duplicates import groups
from scoring.duplicates.groups import Pictures, Rule, find_leaders
from scoring.duplicates.hashes import NearHashes, hamming
from scoring.duplicates.work import Work

RULE = Rule(threshold=0.95, near_km=1.0, far_threshold=0.99, hash_bits=6)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(Lake.create(tmp_path / "lake"), "test", "1")


def drawn(count: int, seed: int) -> Pictures:
    """Clumps of views that look alike, in 8 dimensions so that chains are long; a tenth without
    an embedding, a tenth without a hash, a tenth without a position."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(count // 8, 8))[rng.integers(count // 8, size=count)]
    vector = centre + rng.normal(size=(count, 8)) * 0.35
    unit = (vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float16)
    norm = np.linalg.norm(unit.astype(np.float32), axis=1)
    bare = rng.random(count) < 0.1
    unit[bare], norm[bare] = 0, np.nan
    base = rng.integers(2**63, size=5, dtype=np.uint64)[rng.integers(5, size=count)]
    flips = np.uint64(1) << rng.integers(64, size=(count, 4), dtype=np.uint64)
    lat, lon = rng.uniform(0, 0.03, size=(2, count))  # 3 km across
    lat[rng.random(count) < 0.1] = np.nan
    phash = base ^ np.bitwise_xor.reduce(flips, axis=1)
    return Pictures(unit, norm, phash, rng.random(count) < 0.9, lat, lon)


def by_components(pictures: Pictures, rule: Rule) -> np.ndarray:
    """Leaders by the definition: all pairs, connected components, then the guard."""
    from scipy.sparse.csgraph import connected_components

    n = len(pictures)
    one, other = (a.ravel() for a in np.mgrid[:n, :n])
    measures = (f(one, other) for f in (pictures.cosine, pictures.bits, pictures.distance_km))
    alike = rule.holds(*measures).reshape(n, n)
    leader = np.full(n, -1)
    for label in np.unique(component := connected_components(alike, directed=False)[1]):
        rest = np.flatnonzero(component == label)
        while len(rest):
            follow = alike[rest[0], rest]
            follow[0] = True
            leader[rest[follow]] = rest[0]
            rest = rest[~follow]
    return leader


@pytest.mark.parametrize("bits", [None, 6])
@pytest.mark.parametrize("near_km", [0.6, 1.0, 20_000.0])
def test_the_groups_are_components_under_the_guard(work, monkeypatch, bits, near_km):
    monkeypatch.setattr(groups, "_BLOCK", 64)  # so that leaders of other blocks are met
    pictures = drawn(700, seed=1)
    rule = Rule(0.95, near_km, 0.99, bits)
    expected = by_components(pictures, rule)
    found = find_leaders(pictures, rule, "flat", work)
    assert (found == expected).all()
    sizes = np.bincount(expected)
    assert (sizes > 1).sum() > 15 and (sizes == 1).sum() > 50  # there was something to find


@pytest.mark.parametrize("method", ["ivf", "hnsw"])
def test_other_searches_find_nearly_the_same(work, method):
    """4,000 views of 1,333 places, each seen three times at a cosine of about 0.98."""
    rng = np.random.default_rng(0)
    place = rng.normal(size=(1334, 64))[np.arange(4000) // 3]
    vector = place + rng.normal(size=(4000, 64)) * 0.1
    unit = (vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float16)
    order = rng.permutation(4000)
    zeros = np.zeros(4000)
    norm = np.linalg.norm(unit[order].astype(np.float32), axis=1)
    none = zeros.astype(bool)
    pictures = Pictures(unit[order], norm, zeros.astype(np.uint64), none, zeros, zeros)
    leader = find_leaders(pictures, RULE, method, work)
    of = order // 3
    assert (of[leader] == of).all()  # nothing else is as near
    assert (leader != np.arange(4000)).sum() >= 0.99 * (4000 - 1334)


def test_a_fog_of_copies_is_not_quadratic(work):
    """10^5 views of one place that all look alike: 5 * 10^9 pairs, one group."""
    count = 100_000
    rng = np.random.default_rng(0)
    vector = np.ones((count, 16)) + rng.normal(size=(count, 16)) * 0.02
    unit = (vector / np.linalg.norm(vector, axis=1, keepdims=True)).astype(np.float16)
    norm = np.linalg.norm(unit.astype(np.float32), axis=1)
    zeros = np.zeros(count)
    phash, hashed = zeros.astype(np.uint64), np.ones(count, bool)
    start = time.process_time()
    found = find_leaders(Pictures(unit, norm, phash, hashed, zeros, zeros), RULE, "ivf", work)
    assert (found == 0).all()
    bare = np.full(count, np.nan, np.float32)
    alone = Work(Lake.create(work.folder / "lake"), "test", "2")
    found = find_leaders(Pictures(unit, bare, phash, hashed, zeros, zeros), RULE, "ivf", alone)
    assert (found == 0).all()
    assert time.process_time() - start < 60  # of all pairs it would be an hour; it is a second


def test_a_killed_run_goes_on(work, monkeypatch):
    monkeypatch.setattr(groups, "_BLOCK", 64)
    monkeypatch.setattr(groups, "STEP", 128)
    pictures = drawn(700, seed=2)
    settle, blocks = groups._Grouping.settle, []

    def dies(self, start, end):
        blocks.append(start)
        if len(blocks) == 6:
            raise KeyboardInterrupt
        settle(self, start, end)

    monkeypatch.setattr(groups._Grouping, "settle", dies)
    with pytest.raises(KeyboardInterrupt):
        find_leaders(pictures, RULE, "flat", work)
    assert blocks == [0, 64, 128, 192, 256, 320]
    found = find_leaders(pictures, RULE, "flat", work)
    assert blocks[6] == 256  # the step it died in; what was done before is not done again
    assert (found == by_components(pictures, RULE)).all()


def test_hashes_near_a_place_are_all_found():
    """Beside comparing all pairs: around the date line, the poles, and where they are dense."""
    rng = np.random.default_rng(0)
    lat = np.concatenate([rng.uniform(-0.02, 0.02, 500), rng.uniform(89.98, 90, 300), [np.nan]])
    lon = np.concatenate([rng.uniform(-180.02, -179.98, 500), rng.uniform(-180, 180, 300), [0.0]])
    lon = np.where(lon < -180, lon + 360, lon)
    phash = rng.integers(16, size=801, dtype=np.uint64)  # so that they differ in up to four bits
    nothing = np.full(801, np.nan, np.float32)
    some = np.ones(801, bool)
    pictures = Pictures(np.zeros((801, 1), np.float16), nothing, phash, some, lat, lon)
    one, other = (a.ravel() for a in np.mgrid[:801, :801])
    true = (hamming(phash[one], phash[other]) <= 1) & (pictures.distance_km(one, other) <= 1.0)
    hashes = NearHashes(1.0, 1)
    for part in np.array_split(np.arange(801), 3):
        hashes.add(part, lat[part], lon[part], phash[part])
    query, found = hashes.find(lat, lon, phash)
    near = pictures.distance_km(query, found) <= 1.0
    assert set(zip(query[near], found[near], strict=True)) == set(
        zip(one[true], other[true], strict=True)
    )
    assert true.sum() > 10_000


def test_the_rule_by_hand():
    """cosine, bits, km: both must be near, or the cosine very high; hashes can be contradicted."""
    nan = np.nan
    cases = [
        ((0.96, 30, 0.5), True), ((0.96, 0, 2.0), False), ((0.995, 30, 500), True),
        ((0.94, 6, 0.5), True), ((0.94, 7, 0.5), False), ((0.79, 0, 0.0), False),
        ((nan, 6, 1.0), True), ((nan, 6, 1.1), False), ((nan, 6, nan), False),
        ((0.995, nan, nan), True), ((0.96, nan, nan), False), ((nan, nan, 0.0), False),
    ]  # fmt: skip
    measures = np.array([m for m, _ in cases], dtype=float).T
    assert RULE.holds(*measures).tolist() == [holds for _, holds in cases]
    with pytest.raises(ConfigError, match="hash_bits 64; expected 0 to 63"):
        Rule(0.95, 1.0, 0.99, 64)
