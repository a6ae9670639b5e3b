"""Pictures out of Parquet files with an image column, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pds

from benchmark.task import Pictures
from georeasoner.errors import InputError
from georeasoner.lake import read_image
from scoring.decode import Refusal

_BATCH_ROWS = 16


def image_columns(schema: pa.Schema) -> list[str]:
    """The columns that hold a picture: `image` of a data set, or those of the table `images`."""
    if "image" in schema.names and pa.types.is_struct(schema.field("image").type):
        return ["image"]
    if "bytes" in schema.names or "uri" in schema.names:
        return [c for c in ("bytes", "uri", "offset", "length") if c in schema.names]
    return []


def parquet_pictures(
    files: Sequence[Path], id_column: str = "view_id"
) -> Callable[[frozenset[str]], Pictures]:
    """A reader of the pictures in these files; relative paths start beside the first file."""
    data = pds.dataset([str(f) for f in files], format="parquet")
    columns = image_columns(data.schema)
    root = files[0].parent

    def read(wanted: frozenset[str]) -> Pictures:
        if not columns:
            raise InputError(
                f"{files[0]} has no pictures",
                "a column image (bytes, path), bytes or uri",
                "select it too, or score a file with --predictions",
            )
        batches = data.to_batches(
            columns=[id_column, *columns],
            batch_size=_BATCH_ROWS,
            batch_readahead=1,
            fragment_readahead=1,
        )
        for batch in batches:
            for row in batch.to_pylist():
                if str(row[id_column]) in wanted:
                    yield str(row[id_column]), picture_bytes(row, id_column, root)

    return read


def picture_bytes(row: dict[str, Any], id_column: str, root: Path) -> bytes | Refusal:
    """The encoded bytes of one row, or why they cannot be had."""
    image = row.get("image") or {}
    place = {
        "view_id": row[id_column],
        "bytes": image.get("bytes", row.get("bytes")),
        "uri": image.get("path", row.get("uri")),
        "offset": row.get("offset"),
        "length": row.get("length"),
    }
    try:
        return read_image(place, root)
    except InputError as error:
        return Refusal("unreadable", str(error))
