"""Rows in, Parquet shards that `datasets` loads out: its features in the schema, small row groups.

Row groups stay below 100 MB, so that a viewer can read one; names are those of the Hub
(`train-00000-of-00003.parquet`), so the number of shards has to be known before they get them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from georeasoner.records import table

if TYPE_CHECKING:
    from datasets import Features

GROUP_BYTES = 32 << 20
SHARD_BYTES = 400 << 20
_ROW_BYTES = 2000  # about what a row takes besides its picture


def features_of(name: str, **more: Any) -> Features:
    """The `datasets` features of one of the lake's tables, and further columns."""
    from datasets import Features

    fields = [field.with_nullable(True) for field in table(name).schema]
    return Features({**Features.from_arrow_schema(pa.schema(fields)), **more})


class ShardWriter:
    """Writes one split of one configuration; `close` gives the shards their names."""

    def __init__(
        self,
        folder: Path,
        split: str,
        features: Features,
        group_bytes: int = GROUP_BYTES,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder, self.split, self.schema = folder, split, features.arrow_schema
        self.rows = 0
        self._group_bytes, self._shard_bytes = group_bytes, shard_bytes
        self._buffer: list[Mapping[str, Any]] = []
        self._buffered = self._written = 0
        self._shards: list[Path] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        """One row; absent columns are null."""
        size = _ROW_BYTES + len((row.get("image") or {}).get("bytes") or b"")
        if self._buffer and self._buffered + size > self._group_bytes:
            self._flush()
        self._buffer.append(row)
        self._buffered += size
        self.rows += 1

    def close(self) -> list[Path]:
        """Write the rest and name the shards; without rows there is none."""
        self._flush()
        self._end_shard()
        count = len(self._shards)
        named = [
            path.with_name(f"{self.split}-{n:05d}-of-{count:05d}.parquet")
            for n, path in enumerate(self._shards)
        ]
        for path, name in zip(self._shards, named, strict=True):
            path.rename(name)
        return named

    def _flush(self) -> None:
        if not self._buffer:
            return
        if self._writer is not None and self._written + self._buffered > self._shard_bytes:
            self._end_shard()
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{self.split}-{len(self._shards)}.unnamed"
            self._shards.append(path)
            self._writer = pq.ParquetWriter(
                path, self.schema, compression="zstd", use_dictionary=False, write_page_index=True
            )
        rows = pa.Table.from_pylist(self._buffer, schema=self.schema)
        self._writer.write_table(rows, row_group_size=len(self._buffer))
        self._written += self._buffered
        self._buffer, self._buffered = [], 0

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with self._shards[-1].open("rb") as file:
                os.fsync(file.fileno())
            self._writer, self._written = None, 0
