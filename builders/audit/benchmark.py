"""What a lake is compared with: views with what is known of them, and a way to their pictures.

A task of `benchmark` is one; this floor only says what it needs of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from georeasoner.lake import Lake
    from scoring.decode import Refusal


class Benchmark(Protocol):
    """Views of some source, of which `revision` changes with the pictures.

    `truth` has a row per view with the columns `COLUMNS`, null where it says nothing.
    `read_pictures(ids)` yields (view_id, encoded bytes or why there are none) for those ids, and
    raises `InputError` where the source has no pictures at all. `lake` is where the views are
    from, if that is a lake: its embeddings need not be computed again.
    """

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def truth(self) -> pa.Table: ...

    @property
    def lake(self) -> Lake | None: ...

    def read_pictures(self, ids: frozenset[str], /) -> Iterator[tuple[str, bytes | Refusal]]:
        """The pictures of those views, in the order of `truth`."""
        ...


COLUMNS = ("view_id", "lat", "lon", "sha256", "sequence_id", "author")
SHOWN = ("city", "country", "license", "attribution", "source_url", "redistributable", "synthetic")


def said(benchmark: Benchmark, columns: Iterable[str] = COLUMNS) -> list[str]:
    """Those columns of which the benchmark says anything."""
    truth = benchmark.truth
    return [c for c in columns if truth[c].null_count < truth.num_rows]
