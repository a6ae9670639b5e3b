"""The tables of the lake: one Arrow schema and one set of key columns each.

A stage never invents a column: what has no place here goes to `views.extra` as JSON. Missing is
null, never 0, -1 or (0, 0). Countries are ISO 3166-1 alpha-2 (XK for Kosovo).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from georeasoner.errors import UnknownNameError

ADE20K_CLASSES = 150
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Table:
    """A table's name, schema, the columns that identify a row, and how stages write it.

    `append` tables grow by the rows that are missing; `whole` tables are replaced by each run of
    their stage.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    mode: Literal["append", "whole"]


def _schema(*fields: tuple[str, pa.DataType] | pa.Field) -> pa.Schema:
    return pa.schema([f if isinstance(f, pa.Field) else pa.field(*f) for f in fields])


def _id(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False)


TOP_CLUE = pa.struct([("clue_id", pa.string()), ("similarity", pa.float32())])

OVERLAP_COUNT = pa.struct(
    [
        ("overlap", pa.string()),
        ("against_views", pa.int64()),
        ("views", pa.int64()),
        ("pairs", pa.int64()),
    ]
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "clues",
            _schema(
                _id("clue_id"),
                pa.field("text", pa.string(), nullable=False),
                ("language", pa.string()),
                ("countries", pa.list_(pa.string())),
                ("regions", pa.list_(pa.string())),
                ("category", pa.string()),
                ("ade20k_classes", pa.list_(pa.string())),
                ("image_url", pa.string()),
                ("source", pa.string()),
                ("source_url", pa.string()),
                ("license", pa.string()),
                ("rights", pa.list_(pa.string())),
                ("ai_training_allowed", pa.bool_()),
                ("synthetic", pa.bool_()),
                ("retrieved_at", _TIME),
                ("content_sha256", pa.string()),
            ),
            ("clue_id",),
            "append",
        ),
        Table(
            "clue_groups",
            _schema(
                _id("clue_id"),
                _id("group_id"),
                ("similarity", pa.float32()),
                ("keep", pa.bool_()),
            ),
            ("clue_id",),
            "whole",
        ),
        Table(
            "clue_images",
            _schema(
                _id("image_url"),
                ("bytes", pa.binary()),
                ("media_type", pa.string()),
                ("width", pa.int32()),
                ("height", pa.int32()),
                ("sha256", pa.string()),
                ("license", pa.string()),
                ("source_url", pa.string()),
                ("retrieved_at", _TIME),
            ),
            ("image_url",),
            "append",
        ),
        Table(
            "views",
            _schema(
                _id("view_id"),
                ("lat", pa.float64()),
                ("lon", pa.float64()),
                ("heading_deg", pa.float64()),
                ("captured_at", _TIME),
                ("country", pa.string()),
                ("country_stated", pa.string()),
                ("country_conflict", pa.bool_()),
                ("admin1", pa.string()),
                ("city", pa.string()),
                ("sequence_id", pa.string()),
                ("author", pa.string()),
                ("width", pa.int32()),
                ("height", pa.int32()),
                ("sha256", pa.string()),
                ("source", pa.string()),
                ("source_url", pa.string()),
                ("license", pa.string()),
                ("attribution", pa.string()),
                ("redistributable", pa.bool_()),
                ("synthetic", pa.bool_()),
                ("extra", pa.string()),
            ),
            ("view_id",),
            "append",
        ),
        Table(
            "images",
            _schema(
                _id("view_id"),
                ("bytes", pa.binary()),
                ("uri", pa.string()),
                ("offset", pa.int64()),
                ("length", pa.int64()),
            ),
            ("view_id",),
            "append",
        ),
        Table(
            "embeddings",
            _schema(_id("view_id"), _id("model"), ("vector", pa.list_(pa.float16()))),
            ("view_id", "model"),
            "append",
        ),
        Table(
            "scores",
            _schema(
                _id("score_id"),
                _id("view_id"),
                ("locatability", pa.float64()),
                ("p_within_25km", pa.float64()),
                ("p_within_200km", pa.float64()),
                ("p_within_750km", pa.float64()),
                ("class_shares", pa.list_(pa.float32())),
                ("top_clues", pa.list_(TOP_CLUE)),
                ("phash", pa.int64()),
            ),
            ("score_id", "view_id"),
            "append",
        ),
        Table(
            "duplicates",
            _schema(
                _id("view_id"),
                _id("group_id"),
                ("similarity", pa.float32()),
                ("hash_distance", pa.int32()),
                ("keep", pa.bool_()),
                ("reason", pa.string()),
            ),
            ("view_id",),
            "whole",
        ),
        Table(
            "audits",
            _schema(
                _id("against"),
                ("name", pa.string()),
                ("revision", pa.string()),
                ("against_views", pa.int64()),
                ("kinds", pa.list_(pa.string())),
                ("model", pa.string()),
                ("counts", pa.list_(OVERLAP_COUNT)),
                ("settings", pa.string()),
                ("lake_state", pa.string()),
                ("fingerprint", pa.string()),
                ("audited_at", _TIME),
            ),
            ("against",),
            "whole",
        ),
        Table(
            "overlaps",
            _schema(
                _id("against"),
                _id("overlap"),
                _id("view_id"),
                _id("against_id"),
                ("similarity", pa.float32()),
                ("phash_bits", pa.int32()),
                ("distance_km", pa.float64()),
            ),
            ("against", "overlap", "view_id", "against_id"),
            "whole",
        ),
        Table(
            "audit_pictures",
            _schema(
                _id("against"),
                _id("revision"),
                _id("against_id"),
                _id("model"),
                ("sha256", pa.string()),
                ("phash", pa.int64()),
                ("vector", pa.list_(pa.float16())),
            ),
            ("against", "revision", "against_id", "model"),
            "append",
        ),
        Table(
            "predictions",
            _schema(
                _id("run_id"),
                _id("task"),
                _id("view_id"),
                ("answered", pa.bool_()),
                ("lat", pa.float64()),
                ("lon", pa.float64()),
                ("position_source", pa.string()),
                ("country", pa.string()),
                ("city", pa.string()),
                ("reasons", pa.list_(pa.string())),
                ("raw", pa.string()),
                ("latency_s", pa.float64()),
            ),
            ("run_id", "view_id"),
            "append",
        ),
        Table(
            "rejects",
            _schema(
                _id("stage"), _id("input_id"), ("reason", pa.string()), ("detail", pa.string())
            ),
            ("stage", "input_id"),
            "append",
        ),
        Table(
            "removals",
            _schema(_id("view_id"), ("why", pa.string()), ("when", _TIME)),
            ("view_id",),
            "append",
        ),
    )
}


def table(name: str) -> Table:
    """The table of that name. Raises `UnknownNameError`."""
    if name not in TABLES:
        raise UnknownNameError(f"table {name!r}", f"one of {', '.join(TABLES)}")
    return TABLES[name]
