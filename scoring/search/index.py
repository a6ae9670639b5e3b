"""Search indexes over unit vectors: FAISS behind one small interface.

Vectors are added some at a time and numbered in that order; queries give every vector whose inner
product with them reaches a threshold. Exhaustive search costs N * M products. The others look at
few vectors per query: lists around sampled points (IVF), a graph (HNSW), a graph on a GPU (CAGRA).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ConfigError, UnknownNameError

METHODS = ("auto", "flat", "ivf", "hnsw", "cagra")
EXHAUSTIVE = 10_000  # of N * M / (N + M): up to here exhaustive search is the quicker one
ROWS_PER_LIST = 100
PROBES = 16  # lists looked at per query
_BLOCK = 16_384  # rows converted to single precision at a time
_SLICE = 1024  # queries per search, fewer where they hit much
_MOST_HITS = 4_000_000  # that a search should give, 64 MB
_MOST_K = 1024  # neighbours that CAGRA is asked for
_REBUILD = 65_536  # rows that wait, searched exhaustively, before CAGRA's graph is built anew

Matrix = NDArray[np.float16] | NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """K pairs of a row of the queries and a row of the base, and their inner products."""

    query: NDArray[np.int64]  # (K,)
    found: NDArray[np.int64]  # (K,)
    similarity: NDArray[np.float32]  # (K,)


class Index(Protocol):
    """What is searched; `add` may be called between searches."""

    def add(self, rows: Matrix) -> None:
        """Number and keep (N, D) rows."""

    def search(self, queries: NDArray[np.float32], threshold: float) -> Hits:
        """The rows whose product with one of (M, D) queries reaches `threshold`, by query."""


def choose_method(base: int, queries: int, gpus: int = 0) -> str:
    """The rule for `auto`: exhaustive while it is the quicker, then CAGRA on a GPU, else IVF.

    Exhaustive search of N rows for M queries takes time in proportion to N * M, the others to
    N + M (IVF assigns every row and every query to lists of constant size). So the quotient
    decides: flat below `EXHAUSTIVE`, which is 2 * `EXHAUSTIVE` views compared with each other, or
    about `EXHAUSTIVE` queries of any base. HNSW finds as much as IVF does and takes several times
    as long to build, so it is never chosen, only named.
    """
    if base * queries < EXHAUSTIVE * (base + queries):
        return "flat"
    return "cagra" if gpus else "ivf"


def make_index(method: str, base: Matrix, queries: int, threshold: float) -> Index:
    """An empty index for rows like those of `base` (N, D), of which some are sampled by seed 0.

    Raises `UnknownNameError` for a method that is none, `ConfigError` for cagra without a GPU.
    """
    import faiss

    if method not in METHODS:
        raise UnknownNameError(f"search method {method!r}", f"one of {', '.join(METHODS)}")
    gpus = faiss.get_num_gpus()
    if method == "auto":
        method = choose_method(len(base), queries, gpus)
    if method == "cagra" and not gpus:
        raise ConfigError("search method cagra", "a CUDA device", "take ivf, or leave it out")
    width = base.shape[1]
    if method == "ivf":
        return Ivf(_centroids(base, threshold))
    return {"flat": Flat, "hnsw": Hnsw, "cagra": Cagra}[method](width)


def search_all(index: Index, queries: Matrix, threshold: float) -> Iterator[tuple[int, Hits]]:
    """(queries done, hits) in their order, fewer queries at a time where they hit much."""
    start, size = 0, _SLICE
    while start < len(queries):
        block = queries[start : start + size].astype(np.float32)
        hits = index.search(block, threshold)
        yield start + len(block), Hits(hits.query + start, hits.found, hits.similarity)
        start += len(block)
        per_query = max(1, len(hits.query) // len(block))
        size = int(np.clip(_MOST_HITS // per_query, 1, _SLICE))


def first_come(one: NDArray[np.int64], other: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of `count` things in order, and pairs one < other that are alike: to whom each belongs.

    The first is a leader; each thing belongs to the first leader that it is alike, or leads.
    """
    leader = np.full(count, -1, dtype=np.int64)
    order = np.argsort(one, kind="stable")
    one, other = one[order], other[order]
    cuts = np.searchsorted(one, np.arange(count + 1))
    for i in range(count):
        if leader[i] < 0:
            leader[i] = i
            alike = other[cuts[i] : cuts[i + 1]]
            leader[alike[leader[alike] < 0]] = i
    return leader


def _radius(threshold: float) -> float:
    """FAISS takes what is above its radius; the threshold itself counts."""
    return float(np.nextafter(np.float32(threshold), np.float32(-2)))


def _as_hits(limits: Any, similarity: Any, found: Any) -> Hits:
    query = np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(np.int64))
    return Hits(query, found, similarity)


class Flat:
    """Exhaustive; keeps the rows as they come, without a copy."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._blocks: list[Matrix] = []

    def add(self, rows: Matrix) -> None:
        self._blocks += [rows[s : s + _BLOCK] for s in range(0, len(rows), _BLOCK)]

    def search(self, queries: NDArray[np.float32], threshold: float) -> Hits:
        import faiss

        parts, start = [Hits(*(np.empty(0, t) for t in (np.int64, np.int64, np.float32)))], 0
        for block in self._blocks:
            index = faiss.IndexFlatIP(self._width)
            index.add(block.astype(np.float32))
            part = _as_hits(*index.range_search(queries, _radius(threshold)))
            parts.append(Hits(part.query, part.found + start, part.similarity))
            start += len(block)
        return _merged(parts)


def _merged(parts: list[Hits]) -> Hits:
    query, found, similarity = (
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("query", "found", "similarity")
    )
    order = np.argsort(query, kind="stable")
    return Hits(query[order], found[order], similarity[order])


def _centroids(base: Matrix, threshold: float) -> NDArray[np.float32]:
    """One row in a hundred, drawn by seed 0, none a near-duplicate of another.

    Sampled points in place of k-means, whose cost would grow with N^2 at lists of constant size:
    near-duplicates are so close that they share their nearest points, whichever these are. Where
    many rows are alike their points are thinned out, so that all of them fall into one list.
    """
    count = max(1, len(base) // ROWS_PER_LIST)
    drawn = np.sort(np.random.default_rng(0).choice(len(base), count, replace=False))
    sample = base[drawn].astype(np.float32)
    sample = sample[sample.any(axis=1)]  # a row of zeros stands for none
    kept = Flat(base.shape[1])
    chosen = []
    for start in range(0, len(sample), _SLICE):
        block = sample[start : start + _SLICE]
        block = block[~np.isin(np.arange(len(block)), kept.search(block, threshold).query)]
        one, other = np.nonzero(np.triu(block @ block.T >= threshold, 1))
        leader = first_come(one, other, len(block))
        chosen.append(block[leader == np.arange(len(block))])
        kept.add(chosen[-1])
    points = np.concatenate([*chosen, np.zeros((0, base.shape[1]), np.float32)])
    return points if len(points) else np.eye(1, base.shape[1], dtype=np.float32)


class Ivf:
    """Lists around given points, found by way of an HNSW graph of them; half precision.

    2 * D + 8 bytes a row.
    """

    def __init__(self, centroids: NDArray[np.float32]) -> None:
        import faiss

        lists, width = centroids.shape
        points = faiss.IndexHNSWFlat(width, 16, faiss.METRIC_INNER_PRODUCT)
        points.hnsw.efConstruction = points.hnsw.efSearch = 64
        threads = faiss.omp_get_max_threads()
        try:
            faiss.omp_set_num_threads(1)  # several would link the graph in an order of their own
            points.add(centroids)
        finally:
            faiss.omp_set_num_threads(threads)
        self._index = faiss.IndexIVFScalarQuantizer(
            points, width, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
        )
        self._index.train(centroids)  # the points are taken as they are
        self._index.nprobe = min(PROBES, lists)

    def add(self, rows: Matrix) -> None:
        for start in range(0, len(rows), _BLOCK):
            self._index.add(rows[start : start + _BLOCK].astype(np.float32))

    def search(self, queries: NDArray[np.float32], threshold: float) -> Hits:
        return _as_hits(*self._index.range_search(queries, _radius(threshold)))


class Hnsw:
    """A graph of the rows themselves, linked as they come; half precision.

    2 * D + 270 bytes a row. FAISS's own range search stops at efSearch neighbours, so the nearest
    are asked for instead, more and more of them until the last is below the threshold.
    """

    def __init__(self, width: int) -> None:
        import faiss

        fp16 = faiss.ScalarQuantizer.QT_fp16
        self._index = faiss.IndexHNSWSQ(width, fp16, 32, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = 128
        self._index.train(np.zeros((1, width), np.float32))  # half precision learns nothing

    def add(self, rows: Matrix) -> None:
        for start in range(0, len(rows), _BLOCK):
            self._index.add(rows[start : start + _BLOCK].astype(np.float32))

    def search(self, queries: NDArray[np.float32], threshold: float) -> Hits:
        def nearest(some: NDArray[np.float32], k: int) -> tuple[Any, Any]:
            self._index.hnsw.efSearch = max(128, k)
            similarity, found = self._index.search(some, k)
            return similarity, found

        return widened(nearest, queries, threshold, self._index.ntotal)


def widened(nearest: Any, queries: NDArray[np.float32], threshold: float, rows: int) -> Hits:
    """All hits by a search that gives the k nearest: k grows for queries that it cuts short.

    `nearest(queries, k)` gives (M, k) products, best first, and numbers (-1 for none).
    """
    todo, k = np.arange(len(queries)), min(32, rows)
    parts = [Hits(*(np.empty(0, t) for t in (np.int64, np.int64, np.float32)))]
    while len(todo) and k:
        similarity, found = nearest(queries[todo], k)
        above = (similarity >= threshold) & (found >= 0)
        whole = ~above[:, -1] | (k == rows)
        at, rank = np.nonzero(above & whole[:, None])
        parts.append(Hits(todo[at], found[at, rank], similarity[at, rank]))
        todo, k = todo[~whole], min(4 * k, rows)
    return _merged(parts)


class Cagra:
    """A graph on the GPU, which is built whole: new rows wait until there are as many as in it.

    Those that wait are searched exhaustively, so the graph is built log2(N) times, for twice the
    cost of the last. Rows stay in the memory of the host too. Products are computed there from
    the rows, the graph only says which.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._graph: Any = None
        self._built: NDArray[Any] = np.zeros((0, width), np.float16)
        self._blocks: list[Matrix] = []
        self._waiting = Flat(width)

    def add(self, rows: Matrix) -> None:
        self._blocks.append(rows)
        self._waiting.add(rows)
        if sum(map(len, self._blocks)) >= max(_REBUILD, len(self._built)):
            self._built = np.concatenate([self._built, *self._blocks])
            self._graph, self._blocks, self._waiting = None, [], Flat(self._width)
            self._graph = self._build(self._built.astype(np.float32))

    def _build(self, rows: NDArray[np.float32]) -> Any:
        import faiss

        config = faiss.GpuIndexCagraConfig()
        config.graph_degree, config.intermediate_graph_degree = 64, 128
        config.build_algo = faiss.graph_build_algo_NN_DESCENT
        # of unit vectors the nearest are those of the largest product
        self._resources = faiss.StandardGpuResources()
        graph = faiss.GpuIndexCagra(self._resources, self._width, faiss.METRIC_L2, config)
        graph.train(rows)
        return graph

    def search(self, queries: NDArray[np.float32], threshold: float) -> Hits:
        waiting = self._waiting.search(queries, threshold)
        waiting = Hits(waiting.query, waiting.found + len(self._built), waiting.similarity)
        if self._graph is None:
            return waiting
        most = min(_MOST_K, len(self._built))
        return _merged([widened(self._nearest, queries, threshold, most), waiting])

    def _nearest(self, queries: NDArray[np.float32], k: int) -> tuple[Any, Any]:
        import faiss

        params = faiss.SearchParametersCagra()
        params.itopk_size = max(64, -(-k // 32) * 32)
        _, found = self._graph.search(queries, k, params=params)
        rows = self._built[np.maximum(found, 0)].astype(np.float32)
        return np.einsum("md,mkd->mk", queries, rows), found
