"""`table:FILE`: a CSV or Parquet table of views, such as a slice that `sql --save` wrote.

It needs `view_id` (or uuid, id) and `lat`, `lon` (or latitude, longitude, lng) or `country`; a
picture comes from a column `image`, `bytes` or `uri`, or from a column `file` (or path) of paths
relative to the table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.parquet import image_columns, parquet_pictures, picture_bytes
from benchmark.task import Pictures, Task, truth_table
from georeasoner.errors import InputError
from georeasoner.gazetteer import Gazetteer
from georeasoner.geodesy import position_problem
from georeasoner.provenance import file_sha256
from georeasoner.registry import register

ALIASES = {
    "view_id": ("view_id", "uuid", "id"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "longitude", "lng"),
    "file": ("file", "path", "image"),
}


@register("task", "table")
def load(rest: str) -> Task:
    """The task of a table. Raises `InputError` for missing columns and impossible values."""
    task, columns = _read(rest)
    if not ({"lat", "lon"} <= columns or "country" in columns):
        raise InputError(f"{rest} has no lat and lon, and no country", "the truth of each view")
    return task


def read_views(rest: str) -> Task:
    """The views of a table, whatever it says of them. Raises `InputError` for impossible values."""
    return _read(rest)[0]


def _read(rest: str) -> tuple[Task, set[str]]:
    """A task without a look at whether it has a truth, and the columns that were there."""
    path = Path(rest)
    rows, id_column = read_table(path, without=("image", "bytes"))
    _check_positions(path, rows)
    if "country" in rows.column_names:
        at = rows.column_names.index("country")
        rows = rows.set_column(at, "country", _countries(path, rows["country"].to_pylist()))
    task = Task(
        name=path.stem,
        source=f"table:{rest}",
        revision=file_sha256(path)[:12],
        truth=truth_table(rows),
        read_pictures=_reader(path, rows, id_column),
    )
    return task, set(rows.column_names)


def read_table(path: Path, without: tuple[str, ...] = ()) -> tuple[pa.Table, str]:
    """A table with the names of `ALIASES`, and what its id column was called.

    Ids stay text, and only empty cells are missing: "NA" is Namibia.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}", "a CSV or Parquet table")
    try:
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
            rows = pq.read_table(path, columns=[n for n in names if n not in without])
        elif path.suffix == ".csv":
            rows = _read_csv(path)
        else:
            raise InputError(f"{path} is neither .csv nor .parquet")
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} cannot be read: {error}", "a CSV or Parquet table") from error
    found = {
        name: next((c for c in known if c in rows.column_names), None)
        for name, known in ALIASES.items()
    }
    id_column = found["view_id"]
    if id_column is None:
        columns = ", ".join(rows.column_names[:8])
        raise InputError(f"{path} has no column view_id (it has {columns})", "view_id, uuid or id")
    back = {column: name for name, column in found.items() if column}
    rows = rows.rename_columns([back.get(c, c) for c in rows.column_names])
    ids = rows["view_id"].cast(pa.string())
    if ids.null_count:
        raise InputError(f"{path} has {ids.null_count} rows without an id", "an id in every row")
    return rows.set_column(rows.column_names.index("view_id"), "view_id", ids), id_column


def _read_csv(path: Path) -> pa.Table:
    from pyarrow import csv

    text = ("view_id", "uuid", "id", "country", "city", "raw", "sequence_id", "author",
            "sha256", "file", "path", "image")  # fmt: skip
    numbers = ("lat", "lon", "latitude", "longitude", "lng")
    types = {c: pa.string() for c in text} | {c: pa.float64() for c in numbers}
    options = csv.ConvertOptions(
        column_types=types, null_values=["", "nan", "NaN", "null"], strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )  # fmt: skip
    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=options,
    )


def _check_positions(path: Path, rows: pa.Table) -> None:
    if not {"lat", "lon"} <= set(rows.column_names):
        return
    places = zip(rows["lat"].to_pylist(), rows["lon"].to_pylist(), strict=True)
    for view_id, (lat, lon) in zip(rows["view_id"].to_pylist(), places, strict=True):
        if position_problem(lat, lon) == "coordinates_out_of_range":
            raise InputError(
                f"{path}: view {view_id} lies at ({lat}, {lon})",
                "latitude in [-90, 90] and longitude in [-180, 180] degrees",
            )


def _countries(path: Path, said: list[str | None]) -> pa.Array:
    gazetteer = Gazetteer.load()
    codes = {text: gazetteer.country(text) for text in set(said) if text is not None}
    unknown = sorted(text for text, code in codes.items() if code is None)
    if unknown:
        raise InputError(f"{path} names countries {unknown[:5]}", "ISO codes or English names")
    return pa.array([None if text is None else codes[text] for text in said], pa.string())


def _reader(path: Path, rows: pa.Table, id_column: str) -> Callable[[frozenset[str]], Pictures]:
    if path.suffix == ".parquet" and image_columns(pq.read_schema(path)):
        return parquet_pictures([path], id_column)

    def read(wanted: frozenset[str]) -> Pictures:
        if "file" not in rows.column_names:
            raise InputError(
                f"{path} has no pictures",
                "a column image, bytes, uri or file",
                "select it too, or score a file with --predictions",
            )
        for row in rows.select(["view_id", "file"]).to_pylist():
            if row["view_id"] in wanted:
                place = {"view_id": row["view_id"], "uri": row["file"]}
                yield row["view_id"], picture_bytes(place, "view_id", path.parent)

    return read
