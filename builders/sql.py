"""DuckDB over a lake, a data set or the Hub: one question in, a table, csv, json or parquet out.

Read-only, by DuckDB's own means: a single statement that its parser calls a SELECT, external access
switched off but for the files of what is asked, and the configuration locked. Answers are streamed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from georeasoner.errors import InputError, QueryError
from georeasoner.lake import Lake
from georeasoner.lake.files import TEMPORARY
from georeasoner.progress import log

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FORMATS = ("table", "csv", "json", "parquet")
SHOWN_ROWS = 50
BATCH_ROWS = 4096
_REFUSED_FUNCTIONS = ("getenv", "read_text", "read_blob", "glob")


def run_query(
    query: str,
    on: str,
    save: Path | None = None,
    format: str | None = None,
    out: IO[str] | None = None,
) -> None:
    """What `georeasoner sql` does: print the answer to `out` (stdout), or write it to `save`.

    Bytes (pictures) are shown as their size in table, csv and json; Parquet keeps them. Raises
    `QueryError` for what is refused or wrong, `InputError` for an `on` that is nothing.
    """
    kind = _format(save, format)
    with answer(query, on) as reader:
        if save is None:
            stream = out or sys.stdout
            if kind == "parquet":
                raise QueryError("--format parquet without --save", "", "name a file by --save")
            _WRITERS[kind](reader, stream)
            return
        save.parent.mkdir(parents=True, exist_ok=True)
        temporary = save.with_name(TEMPORARY + save.name)
        try:
            if kind == "parquet":
                rows = _write_parquet(reader, temporary)
            else:
                with temporary.open("w", encoding="utf-8", newline="") as file:
                    rows = _WRITERS[kind](reader, file)
            temporary.replace(save)
        finally:
            temporary.unlink(missing_ok=True)
    log(f"sql: {rows:,} rows in {save}")


@contextmanager
def answer(query: str, on: str) -> Iterator[pa.RecordBatchReader]:
    """The answer as a stream of Arrow batches, while the context is open."""
    import duckdb

    connection = connect(on)
    try:
        _check(connection, query)
        yield connection.sql(query).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise QueryError(_one_line(error)) from error
    finally:
        connection.close()


def connect(on: str) -> duckdb.DuckDBPyConnection:
    """A read-only connection: the tables of a lake, or the configurations of a data set.

    Raises `InputError` when `on` is neither.
    """
    if on.startswith("hf://"):
        connection, allowed = _of_hub(on)
    elif (Path(on) / "lake.json").is_file():
        lake = Lake.open(on)
        connection, allowed = lake.connect(), [lake.root.resolve()]
    elif (Path(on) / "data").is_dir():
        connection, allowed = _of_folder(Path(on)), [Path(on).resolve()]
    else:
        raise InputError(
            f"{on} cannot be asked", "a lake, a data set's folder, or hf://datasets/..."
        )
    folders = ", ".join("'" + str(folder).replace("'", "''") + "/'" for folder in allowed)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _of_folder(folder: Path) -> duckdb.DuckDBPyConnection:
    """`views` from data/, one view per other folder of Parquet; `split` from the file's name."""
    import duckdb

    tables = {}
    for inside in sorted(p for p in folder.resolve().iterdir() if p.is_dir()):
        if files := sorted(inside.glob("*.parquet")):
            tables["views" if inside.name == "data" else inside.name] = [str(f) for f in files]
    connection = duckdb.connect()
    _views(connection, tables)
    return connection


def _of_hub(on: str) -> tuple[duckdb.DuckDBPyConnection, list[Path]]:
    """The Parquet files of a data set on the Hub, downloaded into the Hub's cache."""
    from huggingface_hub import snapshot_download

    place = on.removeprefix("hf://datasets/").strip("/")
    name, _, revision = place.partition("@")
    if not on.startswith("hf://datasets/") or name.count("/") != 1:
        raise InputError(f"{on!r}", "hf://datasets/OWNER/NAME, with @REVISION if need be")
    try:
        folder = snapshot_download(
            name, repo_type="dataset", revision=revision or None, allow_patterns="*.parquet"
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{on} cannot be had from the Hub: {reason}") from error
    # the cache links to blobs beside the snapshot, and DuckDB follows them before it compares
    return _of_folder(Path(folder)), [Path(folder).resolve().parent.parent]


def _views(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[str]]) -> None:
    for name, files in tables.items():
        listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
        quoted = '"' + name.replace('"', '""') + '"'
        connection.execute(
            f"CREATE VIEW {quoted} AS SELECT * EXCLUDE (filename),"
            " regexp_extract(filename, '([^/]+?)-[0-9]+(-of-[0-9]+)?[.]parquet$', 1) AS split"
            f" FROM read_parquet([{listed}], filename = true, union_by_name = true)"
        )


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse all but one SELECT that reads nothing but the tables."""
    import duckdb

    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements", "one SELECT")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise QueryError(f"a {kind.name} statement", "a SELECT", "sql is read-only")
    called = _functions(connection, query)
    for name in sorted(called):
        if name in _REFUSED_FUNCTIONS or name.startswith(
            ("read_", "parquet_", "sniff_", "duckdb_")
        ):
            raise QueryError(
                f"the function {name}", "tables of --on", "files cannot be read by name"
            )


def _functions(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The names of all functions that a query calls, from DuckDB's own parse of it."""
    parsed = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0]
    tree = json.loads(parsed)
    if tree.get("error"):
        raise QueryError(str(tree.get("error_message", "this query cannot be read")))
    found: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if isinstance(node.get("function_name"), str):
                found.add(node["function_name"].casefold())
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
    return found


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(("LINE ", "^"))]
    return " ".join(kept)


def _format(save: Path | None, format: str | None) -> str:
    """The format named, else that of the file's suffix, else a table."""
    chosen = format or (save.suffix.removeprefix(".") if save else "table")
    if chosen not in FORMATS:
        raise QueryError(f"format {chosen!r}", f"one of {', '.join(FORMATS)}")
    return chosen


def _rows(reader: pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    for batch in reader:
        yield from batch.to_pylist()


def _plain(value: Any) -> Any:
    """A value that JSON can hold; bytes become their size."""
    if isinstance(value, (bytes, memoryview)):
        return f"<{len(value):,} bytes>"
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None  # JSON has no NaN and no infinity
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _text(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _write_csv(reader: pa.RecordBatchReader, out: IO[str]) -> int:
    import csv

    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(reader.schema.names)
    count = 0
    for batch in reader:
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([_text(v) for v in row] for row in zip(*columns, strict=True))
        count += batch.num_rows
    return count


def _write_json(reader: pa.RecordBatchReader, out: IO[str]) -> int:
    count = 0
    out.write("[")
    for count, row in enumerate(_rows(reader), start=1):
        out.write(("\n" if count == 1 else ",\n") + json.dumps(_plain(row), ensure_ascii=False))
    out.write("\n]\n")
    return count


def _write_table(reader: pa.RecordBatchReader, out: IO[str]) -> int:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for field in reader.schema:
        numeric = str(field.type).startswith(("int", "uint", "float", "double", "decimal"))
        table.add_column(escape(field.name), justify="right" if numeric else "left")
    count = 0
    for count, row in enumerate(_rows(reader), start=1):
        if count <= SHOWN_ROWS:
            table.add_row(*(escape(_text(v)) for v in row.values()))
    terminal = out.isatty()
    console = Console(file=out, width=None if terminal else 200, no_color=not terminal)
    console.print(table)
    if count > SHOWN_ROWS:
        log(
            f"sql: {count - SHOWN_ROWS:,} of {count:,} rows are not shown; --save FILE has them all"
        )
    return count


def _write_parquet(reader: pa.RecordBatchReader, path: Path) -> int:
    import pyarrow.parquet as pq

    count = 0
    with path.open("wb") as file:
        with pq.ParquetWriter(file, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                count += batch.num_rows
        file.flush()
        os.fsync(file.fileno())
    return count


_WRITERS = {"csv": _write_csv, "json": _write_json, "table": _write_table}
