"""Columns of any table of views in, `RawView` out: names, aliases, numbers, times.

Used by every source whose rows are named fields (tables, WebDataset sidecars, Hub data sets).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from builders.source import RawView, Refused
from georeasoner.errors import InputError

# What each role may be called, best name first.
ROLES: dict[str, tuple[str, ...]] = {
    "file": ("file", "path", "image"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "longitude", "lng"),
    "view_id": ("view_id", "uuid", "id"),
    "country_stated": ("country_stated", "country"),
    "city_stated": ("city",),
    "heading_deg": ("heading", "heading_deg"),
    "captured_at": ("captured_at", "datetime_local"),
    "sequence_id": ("sequence_id",),
    "author": ("author",),
    "source": ("source",),
    "source_url": ("url", "source_url"),
    "license": ("license", "licence"),
    "attribution": ("attribution",),
}
_TEXT_ROLES = (
    "country_stated", "city_stated", "sequence_id", "author", "source", "source_url", "license",
    "attribution",
)  # fmt: skip
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d+)?")


class Columns:
    """Which column plays which role, decided once per table."""

    def __init__(self, names: Iterable[str], needed: Iterable[str], table: str) -> None:
        """Raises `InputError` where a needed role has no column."""
        names = list(names)
        by_name = {name.strip().lower(): name for name in reversed(names)}
        self.role = {
            role: by_name[found[0]]
            for role, aliases in ROLES.items()
            if (found := [alias for alias in aliases if alias in by_name])
        }
        self.extra = [n for n in names if n not in self.role.values()]
        missing = [role for role in needed if role not in self.role]
        if missing:
            wanted = ", ".join(f"{r} (or {', '.join(ROLES[r][1:])})" for r in missing)
            raise InputError(
                f"{table} has the columns {', '.join(names) or '(none)'}",
                f"also {wanted}",
                "rename the columns that hold these",
            )

    def get(self, row: Mapping[str, Any], role: str) -> Any:
        """The value of a role in a row, or None where it is absent or blank."""
        value = row.get(self.role[role]) if role in self.role else None
        if isinstance(value, str):
            return tidy(value)
        return None if _is_nan(value) else value

    def view(
        self, row: Mapping[str, Any], where: str, source: str, **picture: Any
    ) -> RawView | Refused:
        """A row as a view; `picture` is its data, uri, offset, length. `source` is the default."""
        text: dict[str, Any] = {
            role: None if (v := self.get(row, role)) is None else str(v) for role in _TEXT_ROLES
        }
        text["source"] = text["source"] or source
        identity = self.get(row, "view_id")
        view_id = None if identity is None else str(identity)
        try:
            lat, lon = (number(self.get(row, role)) for role in ("lat", "lon"))
        except ValueError as error:
            return Refused(view_id or where, "coordinates_not_numbers", f"{where}: {error}")
        extra = {n: v for n in self.extra if (v := plain(row.get(n))) is not None}
        captured_at, notes = None, ()
        if (stated := self.get(row, "captured_at")) is not None:
            local = self.role["captured_at"].strip().lower() == "datetime_local"
            captured_at, notes = capture_time(stated, lon if local else 0.0)
            if notes:
                extra[self.role["captured_at"]] = str(stated)
        return RawView(
            where=where, lat=lat, lon=lon, view_id=view_id, captured_at=captured_at, extra=extra,
            heading_deg=heading(self.get(row, "heading_deg")), notes=notes, **text, **picture,
        )  # fmt: skip


def number(value: Any) -> float | None:
    """A float, or None for an absent one. Raises `ValueError` on text that is no number."""
    return None if value is None else float(value)


def heading(value: Any) -> float | None:
    """Degrees clockwise from north in [0, 360), or None where absent or no number."""
    try:
        degrees = float(value)
    except (TypeError, ValueError):
        return None
    return degrees % 360.0 if math.isfinite(degrees) else None


def capture_time(value: Any, lon: float | None) -> tuple[datetime | None, tuple[str, ...]]:
    """When a picture was taken, in UTC, and what is to be noted about that.

    ISO 8601 text, a datetime, or seconds or milliseconds since 1970. A local time without a zone
    is shifted by the longitude's hours (15 degrees each), right to an hour or two, and noted.
    """
    try:
        time = _parse_time(value)
    except (ValueError, OverflowError, OSError):
        return None, ("capture_time_unreadable",)
    if time.tzinfo is not None:
        return time.astimezone(UTC), ()
    if lon is None or not -180.0 <= lon <= 180.0:
        return None, ("capture_time_without_zone",)
    shifted = time.replace(tzinfo=UTC) - timedelta(hours=round(lon / 15.0))
    return shifted, ("capture_time_zone_from_longitude",) if lon else ()


def _parse_time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    text = str(value)
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    return datetime.fromisoformat(text)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers in text become numbers, blank and NaN become None."""
    if isinstance(value, str):
        text = tidy(value)
        return json.loads(text) if text and _NUMBER.fullmatch(text) else text
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if isinstance(value, bytes) else str(value)  # pixels have no place in JSON


def tidy(text: str) -> str | None:
    """Text without blanks around it that UTF-8 can hold, or None where nothing is left."""
    return text.strip().encode("utf-8", "replace").decode() or None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
