"""What a view source yields: raw views, inputs it refuses, inputs that are not its business.

A source is a function `source(argument, seed) -> Iterator[Input]`, registered as a `view_source`;
`georeasoner ingest NAME:ARGUMENT` calls it. It only says what it was told; `builders.ingest`
checks the pictures and positions and fills in the places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# A Parquet row group of a data set stays below 100 MB, so no single picture may be larger.
MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True)
class RawView:
    """One street view as a source states it.

    `where` names the input for a person (a path, a row of a table). Without `view_id` the hash of
    the picture's bytes becomes the id. The picture is `data`, or `uri` (with `offset` and `length`
    of a slice), or both where the source has read it already: then the lake keeps the `uri`. `data`
    may be a function, for pictures that cost something to make.
    `captured_at` is in UTC; positions are WGS84 degrees; `city_stated` and `country_stated` are
    free text. `extra` holds what has no column of its own.
    """

    where: str
    lat: float | None
    lon: float | None
    view_id: str | None = None
    data: bytes | Callable[[], bytes] | None = None
    uri: str | None = None
    offset: int | None = None
    length: int | None = None
    heading_deg: float | None = None
    captured_at: datetime | None = None
    country_stated: str | None = None
    city_stated: str | None = None
    sequence_id: str | None = None
    author: str | None = None
    source: str | None = None
    source_url: str | None = None
    license: str | None = None
    attribution: str | None = None
    synthetic: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def input_id(self) -> str:
        """How rejects name this input."""
        return self.view_id or self.where


@dataclass(frozen=True)
class Refused:
    """An input that the source cannot turn into a view; it becomes a row of `rejects`."""

    input_id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Ignored:
    """An input that was never meant to be a view (a text file among photographs)."""

    reason: str


Input = RawView | Refused | Ignored
