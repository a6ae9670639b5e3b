"""Parquet files that are whole or absent, and reading from the middle of many of them on."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
import pyarrow.parquet as pq

from georeasoner.files import TEMPORARY as TEMPORARY
from georeasoner.files import write_bytes as write_bytes
from georeasoner.files import write_json as write_json


def write_parquet(path: Path, table: pa.Table, row_group_bytes: int = 32 << 20) -> None:
    """Write one Parquet file atomically, in row groups of about `row_group_bytes`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(TEMPORARY + path.name)
    rows = max(1, int(table.num_rows * row_group_bytes / max(table.nbytes, 1)))
    with temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd", row_group_size=rows)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def skip_groups(
    data: pds.FileSystemDataset, start: int, removed: pa.Array | None
) -> tuple[pds.FileSystemDataset, int]:
    """The dataset from the row group with row `start` on, and how many rows come before it there.

    Rows whose view_id is in `removed` do not count. Of what is skipped the footers are read, and
    the ids where something was removed.
    """
    kept: list[pds.ParquetFileFragment] = []
    for fragment in data.get_fragments():
        if kept:
            kept.append(fragment)
            continue
        for group in fragment.split_by_row_group():
            if kept or start < (rows := _rows_left(group, removed)):
                kept.append(group)
            else:
                start -= rows
    return pds.FileSystemDataset(kept, data.schema, data.format, data.filesystem), start


def _rows_left(group: pds.ParquetFileFragment, removed: pa.Array | None) -> int:
    if removed is None:
        return int(group.count_rows())
    ids = group.to_table(columns=["view_id"])["view_id"]
    return int(len(ids) - pc.sum(pc.is_in(ids, value_set=removed)).as_py())
