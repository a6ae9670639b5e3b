"""What a benchmark asks: views with their truth, and their pictures one after the other.

A task is named by a specification: `dataset:PATH#SPLIT`, `lake:PATH`, `table:FILE`,
`hf:REPO@REVISION#SPLIT`, or a bare path of one of those. Two runs compare only when the views and
the truth are the same, so a task carries a hash of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from georeasoner import registry
from georeasoner.errors import EmptyResultError, InputError, UnknownNameError
from georeasoner.provenance import fingerprint

if TYPE_CHECKING:
    from georeasoner.lake import Lake
    from scoring.decode import Refusal

TRUTH = pa.schema([
    pa.field("view_id", pa.string(), nullable=False),
    ("lat", pa.float64()), ("lon", pa.float64()),
    ("country", pa.string()), ("city", pa.string()),
    ("sequence_id", pa.string()), ("synthetic", pa.bool_()), ("redistributable", pa.bool_()),
    ("license", pa.string()), ("attribution", pa.string()), ("source_url", pa.string()),
    ("extra", pa.string()), ("author", pa.string()), ("sha256", pa.string()),
])  # fmt: skip
_LABELS = ["view_id", "lat", "lon", "country", "city"]

Pictures = Iterator[tuple[str, "bytes | Refusal"]]


@dataclass(frozen=True)
class Task:
    """Views with their truth (a table of the schema `TRUTH`, one row per view, in order).

    `revision` changes with the pictures. `read_pictures(ids)` yields (view_id, encoded bytes or why
    there are none) for each of those ids, in the order of `truth`, whose column `extra` reaches
    oracles alone. `lake` is where the views come from, if that is a lake.
    """

    name: str
    source: str
    revision: str
    truth: pa.Table
    read_pictures: Callable[[frozenset[str]], Pictures]
    split: str | None = None
    citation: str | None = None
    lake: Lake | None = None

    def __post_init__(self) -> None:
        ids = self.truth["view_id"]
        if not len(ids):
            raise EmptyResultError(f"{self.source} has no views", "at least one")
        doubled = [c["values"].as_py() for c in pc.value_counts(ids) if c["counts"].as_py() > 1]
        if doubled:
            raise InputError(
                f"{self.source} has {len(doubled)} view ids twice, such as {doubled[0]!r}",
                "each view once",
            )

    def __len__(self) -> int:
        return int(self.truth.num_rows)

    @property
    def view_ids(self) -> list[str]:
        """The ids in order."""
        ids: list[str] = self.truth["view_id"].to_pylist()
        return ids

    def identity(self) -> dict[str, Any]:
        """What tells this task from any other, ready for JSON."""
        licenses = sorted({str(v) for v in self.truth["license"].to_pylist() if v})
        synthetic = set(self.truth["synthetic"].to_pylist())
        return {
            "name": self.name,
            "source": self.source,
            "revision": self.revision,
            "split": self.split,
            "views": len(self),
            "ids_sha256": hashlib.sha256("\n".join(sorted(self.view_ids)).encode()).hexdigest(),
            "truth": fingerprint(self.truth.select(_LABELS).sort_by("view_id").to_pylist()),
            "license": ", ".join(licenses) or None,
            "citation": self.citation,
            "synthetic": True in synthetic,
        }

    def first(self, limit: int | None) -> Task:
        """The task of the first `limit` views."""
        if limit is None or limit >= len(self):
            return self
        return replace(self, name=f"{self.name}[:{limit}]", truth=self.truth.slice(0, limit))


def revision_of(pictures: pa.Table) -> str | None:
    """A hash of what the pictures are (view_id, sha256), None where a sha256 is not noted."""
    if "sha256" not in pictures.column_names or pictures["sha256"].null_count:
        return None
    return fingerprint(pictures.select(["view_id", "sha256"]).sort_by("view_id").to_pylist())


def truth_table(rows: pa.Table) -> pa.Table:
    """The truth's columns of a table, in the truth's types; columns that are not there are null."""
    columns = []
    for field in TRUTH:
        if field.name in rows.column_names:
            columns.append(rows[field.name].cast(field.type))
        else:
            columns.append(pa.nulls(rows.num_rows, field.type))
    return pa.table(columns, schema=TRUTH)


def load_task(specification: str, limit: int | None = None, name: str | None = None) -> Task:
    """The task of that specification. Raises `InputError` or `UnknownNameError`."""
    scheme, rest = _split(specification)
    task: Task = registry.get("task", scheme)(rest)
    task = replace(task, name=name) if name else task
    return task.first(limit)


def load_views(specification: str) -> Task:
    """As `load_task`, and tables of views without a position or a country too."""
    from benchmark.tasks.table import read_views

    scheme, rest = _split(specification)
    return read_views(rest) if scheme == "table" else load_task(specification)


def _split(specification: str) -> tuple[str, str]:
    scheme, _, rest = specification.partition(":")
    if not rest or scheme not in registry.names("task"):
        return _scheme_of(specification), specification
    return scheme, rest


def _scheme_of(specification: str) -> str:
    path = Path(specification.partition("#")[0])
    if (path / "lake.json").is_file():
        return "lake"
    if (path / "data").is_dir():
        return "dataset"
    if path.is_file():
        return "table"
    scheme, _, rest = specification.partition(":")
    if rest and not path.exists():
        registry.get("task", scheme)  # an unknown scheme answers with the nearest ones
    kinds = ", ".join(f"{kind}:..." for kind in registry.names("task"))
    raise UnknownNameError(f"no task {specification!r}", f"a data set, a lake or a table ({kinds})")
