"""`table:FILE`: a csv, tsv, parquet or jsonl with one view per row.

It needs the columns file, lat and lon (see `builders.fields` for aliases and what else it knows);
paths are relative to the table's file, and may be URLs. Other columns go to `extra`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders.fields import Columns
from builders.source import Input, RawView, Refused
from georeasoner.errors import InputError
from georeasoner.progress import log
from georeasoner.registry import register

NEEDED = ("file", "lat", "lon")
Row = Mapping[str, Any] | Refused


@register("view_source", "table")
def table(argument: str, seed: int) -> Iterator[Input]:
    """The rows of a table of views. Raises `InputError` when it cannot be read as one."""
    path = Path(argument)
    readers = {
        ".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".jsonl": _jsonl, ".ndjson": _jsonl,
    }  # fmt: skip
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} is not a table", "a file named .csv, .tsv, .parquet or .jsonl")
    if not path.is_file():
        raise InputError(f"there is no file {path}", "a csv, parquet or jsonl with views")
    try:
        yield from _views(path, readers[path.suffix.lower()](path))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "a table in UTF-8") from error


def _views(path: Path, rows: Iterator[tuple[list[str], int, Row]]) -> Iterator[Input]:
    columns, known = None, None
    for names, number, row in rows:
        if isinstance(row, Refused):
            yield row
            continue
        if columns is None:
            columns, known = Columns(names, NEEDED, path.name), names
            if columns.extra:
                log(f"{path.name}: kept in extra: {', '.join(columns.extra)}")
        elif known != names:  # in jsonl every row has its own
            columns, known = Columns(names, (), path.name), names
        yield _view(path, columns, number, row)


def _view(path: Path, columns: Columns, number: int, row: Mapping[str, Any]) -> RawView | Refused:
    where = f"{path} row {number}"
    file = columns.get(row, "file")
    if file is None:
        return Refused(_name(columns, row, where), "missing_file_name", where)
    if isinstance(file, Mapping):  # the struct of bytes and path that `datasets` writes
        data, file = file.get("bytes"), file.get("path")
        if data is not None:
            return columns.view(row, where, f"table:{path.name}", data=data)
        if file is None:
            return Refused(_name(columns, row, where), "missing_picture", where)
    uri = str(file) if "://" in str(file) else str((path.parent / str(file)).absolute())
    return columns.view(row, where, f"table:{path.name}", uri=uri)


def _name(columns: Columns, row: Mapping[str, Any], where: str) -> str:
    return str(columns.get(row, "view_id") or where)


def _csv(path: Path) -> Iterator[tuple[list[str], int, Row]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        names = list(reader.fieldnames or ())
        if not names:
            raise InputError(f"{path} is empty", "a header with the columns file, lat, lon")
        Columns(names, NEEDED, path.name)  # also where no row follows
        for number, row in enumerate(reader, 1):
            if None in row:
                where = f"{path} row {number}"
                found = len(names) + len(row[None])
                detail = f"{found} fields under {len(names)} columns"
                yield names, number, Refused(where, "malformed_row", detail)
            else:
                yield names, number, row


def _parquet(path: Path) -> Iterator[tuple[list[str], int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a Parquet file: {error}") from error
    with file:
        names = file.schema_arrow.names
        Columns(names, NEEDED, path.name)
        number = 0
        for batch in file.iter_batches(batch_size=64):
            for row in batch.to_pylist():
                number += 1
                yield names, number, row


def _jsonl(path: Path) -> Iterator[tuple[list[str], int, Row]]:
    names: list[str] = []
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                row = str(error)
            if isinstance(row, dict):
                names = list(row)
                yield names, number, row
            else:
                where = f"{path} line {number}"
                yield names, number, Refused(where, "malformed_row", "no JSON object")
