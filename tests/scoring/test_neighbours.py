"""Approximate searches beside the exhaustive one, and the rule that chooses among them."""

from __future__ import annotations

import numpy as np
import pytest

from georeasoner.errors import ConfigError, UnknownNameError
from scoring.search import index
from scoring.search.index import Cagra, Flat, choose_method, first_come, make_index, widened
from scoring.search.neighbours import neighbours


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def crowded() -> np.ndarray:
    """3,000 vectors: 2,000 alone, 400 twice, and one 200 times, in any order."""
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(2401, 64))
    of = np.concatenate([np.arange(2400), np.arange(400), np.full(200, 2400)])
    rows = unit(centre[of] + rng.normal(size=(3000, 64)) * 0.12)
    return rows[rng.permutation(3000)]


def pairs(base: np.ndarray, queries: np.ndarray, method: str) -> set[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for hits in neighbours(base, queries, 0.95, "test", method):
        assert (np.diff(hits.query) >= 0).all()  # in the order of the queries
        exact = np.einsum(
            "kd,kd->k", queries[hits.query].astype(float), base[hits.found].astype(float)
        )
        assert hits.similarity == pytest.approx(exact, abs=1e-5)
        assert (exact >= 0.95 - 1e-5).all()
        found += zip(hits.query.tolist(), hits.found.tolist(), strict=True)
    assert len(set(found)) == len(found)
    return set(found)


@pytest.fixture(scope="module")
def exhaustive(crowded: np.ndarray) -> set[tuple[int, int]]:
    product = crowded.astype(np.float32) @ crowded.astype(np.float32).T
    return set(zip(*(a.tolist() for a in np.nonzero(product >= 0.95)), strict=True))


@pytest.mark.parametrize("method", ["flat", "ivf", "hnsw"])
def test_every_method_finds_crowds_whole(crowded, exhaustive, method):
    found = pairs(crowded, crowded, method)
    assert len(exhaustive) > 3000 + 30_000  # each itself, and most of the crowd each other
    assert len(found ^ exhaustive) <= (2 if method == "flat" else 0.005 * len(exhaustive))
    hits = np.bincount([q for q, _ in exhaustive])
    pair = {p for p in exhaustive if hits[p[0]] == 2}
    assert len(pair) > 400 and len(found & pair) >= 0.99 * len(pair)


def test_hits_are_given_in_slices_where_there_are_many(crowded, exhaustive, monkeypatch):
    monkeypatch.setattr(index, "_MOST_HITS", 1000)
    assert len(pairs(crowded, crowded, "flat") ^ exhaustive) <= 2


def test_the_nearest_are_widened_until_nothing_is_cut_off(crowded, exhaustive):
    """The way that a search for the nearest k (HNSW, CAGRA) becomes one above a threshold."""
    import faiss

    flat = faiss.IndexFlatIP(64)
    flat.add(crowded.astype(np.float32))
    asked = []

    def nearest(queries, k):
        asked.append((len(queries), k))
        return flat.search(queries, k)

    hits = widened(nearest, crowded.astype(np.float32), 0.95, 3000)
    found = set(zip(hits.query.tolist(), hits.found.tolist(), strict=True))
    assert len(found ^ exhaustive) <= 2
    assert asked[0] == (3000, 32) and [k for _, k in asked[1:3]] == [128, 512]
    assert asked[1][0] <= 200  # only the crowd is asked for again


def test_rows_can_be_added_between_searches(crowded):
    for method in ("flat", "ivf", "hnsw"):
        grown = make_index(method, crowded, 3000, 0.95)
        query = crowded[2500:2501].astype(np.float32)
        grown.add(crowded[:1500])
        before = set(grown.search(query, 0.95).found.tolist())
        grown.add(crowded[1500:])
        after = set(grown.search(query, 0.95).found.tolist())
        assert before == {f for f in after if f < 1500} and 2500 in after


def test_rows_wait_for_the_graph(crowded, exhaustive, monkeypatch):
    """CAGRA's bookkeeping, with an exhaustive index of FAISS in the place of the graph."""
    import faiss

    built = []

    class OnTheCpu(Cagra):
        def _build(self, rows):
            built.append(len(rows))
            graph = faiss.IndexFlatIP(rows.shape[1])
            graph.add(rows)
            return graph

        def _nearest(self, queries, k):
            return self._graph.search(queries, k)

    monkeypatch.setattr(index, "_REBUILD", 500)
    waiting = OnTheCpu(64)
    for start in range(0, 3000, 100):
        waiting.add(crowded[start : start + 100])
    assert built == [500, 1000, 2000]  # each time as many have come as there were
    hits = waiting.search(crowded.astype(np.float32), 0.95)
    assert len(set(zip(hits.query.tolist(), hits.found.tolist(), strict=True)) ^ exhaustive) <= 2


@pytest.mark.gpu
def test_cagra_on_a_gpu(crowded, exhaustive, monkeypatch):
    monkeypatch.setattr(index, "_REBUILD", 1000)
    assert len(pairs(crowded, crowded, "cagra") & exhaustive) >= 0.99 * len(exhaustive)


def test_the_rule_and_its_override(crowded, exhaustive):
    # flat while N * M / (N + M) < 10,000: 19,999 against themselves, 10,000 against any number
    assert choose_method(19_999, 19_999) == "flat" and choose_method(20_001, 20_001) == "ivf"
    assert choose_method(10**7, 9_999) == "flat" and choose_method(10**7, 11_000) == "ivf"
    assert choose_method(10**6, 10**6, gpus=1) == "cagra"
    assert choose_method(1000, 1000, gpus=1) == "flat"
    assert isinstance(make_index("auto", crowded, 3000, 0.95), Flat)
    assert not isinstance(make_index("ivf", crowded, 3000, 0.95), Flat)
    with pytest.raises(UnknownNameError, match="'faiss'; expected one of auto, flat, ivf, hnsw"):
        make_index("faiss", crowded, 3000, 0.95)


def test_cagra_without_a_gpu_is_a_mistake(crowded):
    import faiss

    if faiss.get_num_gpus():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match="cagra; expected a CUDA device; take ivf"):
        make_index("cagra", crowded, 3000, 0.95)


def test_first_come_by_hand():
    """A chain 0-1-2-3 and 4: 0 takes 1, so 2 leads and takes 3."""
    leader = first_come(np.array([1, 0, 2]), np.array([2, 1, 3]), 5)
    assert leader.tolist() == [0, 0, 2, 2, 4]


@pytest.mark.parametrize("method", ["flat", "ivf", "hnsw"])
def test_few_or_no_rows(method):
    one = unit(np.ones((1, 8)))
    assert pairs(one, one, method) == {(0, 0)}
    assert pairs(one, one[:0], method) == set()
    assert pairs(np.zeros((3, 8), np.float16), one, method) == set()
