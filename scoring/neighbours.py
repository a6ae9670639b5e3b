"""Who looks like whom: unit vectors in, pairs whose cosine reaches a threshold out, by FAISS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from georeasoner.progress import track

_QUERIES = 1024  # per search, so that the hits of one search stay in memory

Matrix = NDArray[np.float16] | NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """K pairs of a row of the queries and a row of the base, and their cosines."""

    query: NDArray[np.int64]  # (K,)
    found: NDArray[np.int64]  # (K,)
    similarity: NDArray[np.float32]  # (K,)


def neighbours(base: Matrix, queries: Matrix, threshold: float, what: str) -> Iterator[Hits]:
    """Every pair of `queries` (M, D) and `base` (N, D) with a cosine of at least `threshold`.

    Both are of unit length. Hits come in the order of the queries, some queries at a time. `what`
    names the stage whose progress this is. The search is exhaustive: N * M dot products, about a
    minute for 10^5 x 10^5 vectors of 512 on two cores.
    """
    import faiss

    index = faiss.IndexFlatIP(base.shape[1])
    index.add(base.astype(np.float32))
    # the search takes what is above its radius; the threshold itself counts
    radius = float(np.nextafter(np.float32(threshold), np.float32(0)))
    for start in track(range(0, len(queries), _QUERIES), f"{what} (searches)"):
        block = queries[start : start + _QUERIES].astype(np.float32)
        limits, similarity, found = index.range_search(block, radius)
        query = np.repeat(np.arange(len(limits) - 1) + start, np.diff(limits).astype(np.int64))
        yield Hits(query, found, similarity)
