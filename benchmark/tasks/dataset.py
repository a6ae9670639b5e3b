"""`dataset:PATH#SPLIT`: a split of a built data set, `#*` all of them; without one it is `test`."""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as pds

from benchmark.parquet import parquet_pictures
from benchmark.task import TRUTH, Task, revision_of, truth_table
from georeasoner.errors import InputError
from georeasoner.provenance import file_sha256, fingerprint
from georeasoner.registry import register


@register("task", "dataset")
def load(rest: str, revision: str | None = None, source: str | None = None) -> Task:
    """The task of a data set's folder. Raises `InputError` naming the splits that are there."""
    folder, _, split = rest.partition("#")
    split = split or "test"
    root = Path(folder)
    files = sorted((root / "data").glob(f"{split}-*.parquet"))
    if not files:
        there = sorted({p.name.partition("-")[0] for p in root.glob("data/*.parquet")})
        raise InputError(
            f"{folder} has no split {split!r}",
            f"one of {', '.join(there)}" if there else "a data set's folder with data/*.parquet",
            "write dataset:PATH#SPLIT" if there else "run `build` first",
        )
    data = pds.dataset([str(f) for f in files], format="parquet")
    if "view_id" not in data.schema.names:
        raise InputError(f"{files[0]} has no column view_id", "a data set made by `build`")
    columns = [c for c in TRUTH.names if c in data.schema.names]
    rows = data.to_table(columns=columns)
    return Task(
        name=f"{root.resolve().name}#{split}",
        source=source or f"dataset:{folder}#{split}",
        revision=revision or revision_of(rows) or fingerprint([file_sha256(f) for f in files]),
        truth=truth_table(rows),
        read_pictures=parquet_pictures(files),
        split=split,
    )
