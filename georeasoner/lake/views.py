"""The tables of a lake as DuckDB views, each with its columns even when it has no rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from georeasoner.records import TABLES

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.float16(): "FLOAT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BLOB",
}


def sql_type(kind: pa.DataType) -> str:
    """The DuckDB type that an Arrow type of our schemas is read as."""
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    if pa.types.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = (
            f'"{kind.field(i).name}" {sql_type(kind.field(i).type)}' for i in range(kind.num_fields)
        )
        return f"STRUCT({', '.join(fields)})"
    return _SQL_TYPES[kind]


def create_views(
    connection: duckdb.DuckDBPyConnection, shards: Mapping[str, Sequence[Path]]
) -> None:
    """Make one view per table; rows of removed views are left out of all but `removals`."""
    removals_first = sorted(TABLES.values(), key=lambda t: t.name != "removals")
    for table in removals_first:
        files = shards[table.name]
        if files:
            listed = ", ".join("'" + str(f.resolve()).replace("'", "''") + "'" for f in files)
            source = f"read_parquet([{listed}])"
        else:
            columns = ", ".join(f'NULL::{sql_type(f.type)} AS "{f.name}"' for f in table.schema)
            source = f"(SELECT {columns} WHERE false)"
        removed = ""
        if table.name != "removals" and "view_id" in table.schema.names:
            removed = " WHERE view_id NOT IN (SELECT view_id FROM removals)"
        connection.execute(f'CREATE VIEW "{table.name}" AS SELECT * FROM {source}{removed}')
