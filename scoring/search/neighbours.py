"""Who looks like whom: unit vectors in, pairs whose cosine reaches a threshold out, by FAISS."""

from __future__ import annotations

from collections.abc import Iterator

from georeasoner.progress import track
from scoring.search.index import Hits, Matrix, make_index, search_all

__all__ = ["Hits", "Matrix", "neighbours"]


def neighbours(
    base: Matrix, queries: Matrix, threshold: float, what: str, method: str = "auto"
) -> Iterator[Hits]:
    """Pairs of `queries` (M, D) and `base` (N, D) with a cosine of at least `threshold`.

    Both are of unit length. Hits come in the order of the queries, some queries at a time. `what`
    names the stage whose progress this is. `method` is one of `index.METHODS`: flat finds
    every pair, in about a minute for 10^5 x 10^5 vectors of 512 on two cores; the others nearly
    every pair in far less; auto follows the rule of `index.choose_method`.
    """
    index = make_index(method, base, len(queries), threshold)
    index.add(base)
    searches = search_all(index, queries, threshold)
    for _, hits in track(searches, f"{what} (searches)"):
        yield hits
