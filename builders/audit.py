"""What a benchmark shares with a lake: the same id, the same file, the same sequence, the same
place. A lake and a benchmark (a data set, another lake, or a table of views) go in; one row per
overlapping pair and kind of overlap comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from georeasoner.errors import InputError
from georeasoner.lake import Lake
from georeasoner.progress import log

if TYPE_CHECKING:
    import duckdb

PLACE_KM = 0.05
_COLUMNS = ("view_id", "sha256", "sequence_id", "lat", "lon")
_KINDS = ("VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "DOUBLE")


def audit(lake: Lake, against: Path | str, save: Path | None = None) -> pa.Table:
    """Overlaps as a table (view_id, against_id, overlap, distance_km), counted on stderr.

    `against` is a path, or a task on disk: `dataset:PATH#SPLIT`, `lake:PATH`, `table:FILE`.

    `overlap` is `same_id`, `same_file` (sha256), `same_sequence` or `same_place` (nearer than 50 m,
    a great circle). Columns that the benchmark lacks are left out of the comparison, with a line
    that says so. Raises `InputError` when it is no lake, data set or table of views.
    """
    connection = lake.connect()
    source, columns = _source(connection, against)
    missing = [c for c in _COLUMNS if c not in columns]
    if "view_id" in missing:
        raise InputError(f"{against} has no column view_id", "a table of views")
    if missing:
        log(f"audit: {against} has no {', '.join(missing)}; those overlaps cannot be found")
    chosen = ", ".join(
        f"{c}::{kind} AS {c}" if c in columns else f"NULL::{kind} AS {c}"
        for c, kind in zip(_COLUMNS, _KINDS, strict=True)
    )
    connection.execute(f"CREATE TEMP TABLE other AS SELECT {chosen} FROM {source}")
    connection.execute(_QUERY, {"place_km": PLACE_KM})
    counts = connection.execute(
        "SELECT overlap, count(*), count(DISTINCT against_id) FROM found GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for overlap, pairs, views in counts:
        log(f"audit: {overlap}: {pairs:,} pairs, {views:,} views of {against}")
    if not counts:
        log(f"audit: nothing of {against} is in {lake.root}")
    found = connection.sql("SELECT * FROM found ORDER BY ALL").to_arrow_table()
    if save is not None:
        import pyarrow.csv

        save.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.csv.write_csv(found, save)
    return found


_QUERY = """
CREATE TEMP TABLE found AS
WITH near AS (
    SELECT v.view_id, o.view_id AS against_id,
           2 * 6371 * asin(sqrt(least(1, pow(sin(radians(o.lat - v.lat) / 2), 2)
               + cos(radians(v.lat)) * cos(radians(o.lat))
               * pow(sin(radians(o.lon - v.lon) / 2), 2)))) AS distance_km
    FROM views v JOIN other o
      ON o.lat BETWEEN v.lat - 0.001 AND v.lat + 0.001
     AND abs(o.lon - v.lon) * cos(radians(v.lat)) < 0.001
)
SELECT v.view_id, o.view_id AS against_id, 'same_id' AS overlap, NULL::DOUBLE AS distance_km
FROM views v JOIN other o USING (view_id)
UNION ALL SELECT v.view_id, o.view_id, 'same_file', NULL FROM views v JOIN other o USING (sha256)
UNION ALL SELECT v.view_id, o.view_id, 'same_sequence', NULL
FROM views v JOIN other o USING (sequence_id)
UNION ALL SELECT view_id, against_id, 'same_place', distance_km FROM near
WHERE distance_km < $place_km
"""


def _source(connection: duckdb.DuckDBPyConnection, against: Path | str) -> tuple[str, list[str]]:
    """What to select from, and its columns."""
    named, _, split = str(against).partition("#")
    scheme, _, rest = named.partition(":")
    path = Path(rest if scheme in ("dataset", "lake", "table") else named)
    if (path / "lake.json").is_file():
        connection.register("against_views", Lake.open(path).read("views", _COLUMNS))
        return "against_views", list(_COLUMNS)
    shards = path / "data" / f"{split or '*'}-*.parquet"
    if any(shards.parent.glob(shards.name)):
        source = f"read_parquet({_quoted(shards)})"
    elif path.suffix in (".parquet", ".csv") and path.is_file():
        source = _quoted(path)
    else:
        raise InputError(
            f"{against} cannot be compared with",
            "a data set's folder (PATH, or dataset:PATH#SPLIT), a lake, a csv or a parquet",
        )
    rows = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return source, [row[0] for row in rows]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
