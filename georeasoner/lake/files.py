"""Files that are whole or absent: written under a temporary name, flushed, then renamed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TEMPORARY = ".tmp-"


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    write_bytes(path, (json.dumps(content, indent=1, default=str) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically; the folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(TEMPORARY + path.name)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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
