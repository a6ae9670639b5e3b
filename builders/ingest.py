"""The stage "ingest": a view source in, rows of `views` and `images` out.

Every input becomes exactly one of: a new view, an exclusion (it is there already, or was taken
down), a reject with its reason. Pictures are decoded once to find the broken ones; places are
filled in from the position. One picture at a time is in memory, and rows go out in groups.
"""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.fields import plain
from builders.licences import redistributable
from builders.places import Placed, place_of
from builders.source import MAX_FILE_BYTES, Ignored, Input, RawView, Refused
from georeasoner.errors import ConfigError, EmptyResultError, InputError
from georeasoner.lake import KeySet, Lake, Sums, Writer, read_image
from georeasoner.progress import log, track
from georeasoner.registry import get, names
from scoring.decode import Refusal, safe_open, upright_size

if TYPE_CHECKING:
    from georeasoner.gazetteer import Gazetteer

STAGE = "ingest"
_SHOWN_CONFLICTS = 5


def ingest(
    lake: Lake,
    source: str,
    limit: int | None = None,
    copy_images: bool = False,
    seed: int = 0,
) -> Sums:
    """Bring the views of `source` ("folder:PATH", "table:FILE", ...) into the lake.

    Only what is missing is added, so that a second run adds nothing. `limit` stops after so many
    inputs; `copy_images` keeps the pictures' bytes in the lake instead of where they lie; `seed`
    is for sources that draw. Raises `InputError` for a source that cannot be read at all,
    `UnknownNameError` for one that is not known, `EmptyResultError` for one without any input.
    """
    name, colon, argument = source.partition(":")
    if not colon or not argument:
        known = ", ".join(f"{n}:..." for n in names("view_source"))
        raise InputError(f"source {source!r}", f"one of {known}", "say what it is")
    if limit is not None and limit < 0:
        raise ConfigError(f"a limit of {limit}", "0 or more")
    from georeasoner.gazetteer import Gazetteer

    inputs = get("view_source", name)(argument, seed)
    gazetteer = Gazetteer.load()
    config = {
        "source": source, "limit": limit, "copy_images": copy_images,
        "gazetteer": gazetteer.version,
    }  # fmt: skip
    with lake.writing(STAGE, config, seed=seed) as out:
        run = _Run(lake, out, gazetteer, copy_images)
        for item in track(islice(inputs, limit), STAGE):
            run.take(item)
        if not out.sums.inputs and limit != 0:
            raise EmptyResultError(f"{source} has no views", "at least one")
    run.tell()
    return out.sums


class _Run:
    """One pass over a source."""

    def __init__(self, lake: Lake, out: Writer, gazetteer: Gazetteer, copy_images: bool) -> None:
        self.lake, self.out, self.gazetteer, self.copy_images = lake, out, gazetteer, copy_images
        self.present = lake.keys("views")
        self.removed = lake.keys("removals")
        self.spots = KeySet(
            (view_id, repr(lat), repr(lon))
            for batch in lake.batches("views", ["view_id", "lat", "lon"], 65536)
            for view_id, lat, lon in zip(*(c.to_pylist() for c in batch.columns), strict=True)
        )
        self.seen = KeySet()
        self.conflicts: list[str] = []

    def take(self, item: Input) -> None:
        """Decide what becomes of one input."""
        if isinstance(item, Ignored):
            self.out.exclude(item.reason)
        elif isinstance(item, Refused):
            self.out.reject(item.input_id, item.reason, item.detail)
        else:
            self._view(item)

    def _view(self, raw: RawView) -> None:
        data = None
        if raw.view_id is None:
            data = _read(raw, self.lake.root)
            if isinstance(data, Refusal):
                return self._refuse(raw, data)
        view_id = raw.view_id or hashlib.sha256(data or b"").hexdigest()[:32]
        if view_id in self.seen:
            detail = f"{raw.where}: another input before it has this id"
            return self.out.reject(f"{view_id} ({raw.where})", "duplicate_id", detail)
        self.seen.add(view_id)
        if view_id in self.removed:
            return self.out.exclude("removed")
        if view_id in self.present:
            return self._again(view_id, raw)
        if data is None:
            data = _read(raw, self.lake.root)
            if isinstance(data, Refusal):
                return self._refuse(raw, data)
        decoded = safe_open(data, min_side=64)  # at reduced scale: damage shows there too
        if isinstance(decoded, Refusal):
            return self._refuse(raw, decoded)
        placed = place_of(raw, self.gazetteer)
        if isinstance(placed, Refusal):
            return self._refuse(raw, placed)
        self._count(raw, placed)
        self.out.add("views", [_view_row(view_id, raw, placed, data)])
        self.out.add("images", [self._image_row(view_id, raw, data)])
        return self.out.accept(raw.input_id)

    def _refuse(self, raw: RawView, why: Refusal) -> None:
        self.out.reject(raw.input_id, why.reason, f"{raw.where}: {why.detail}".rstrip(": "))

    def _again(self, view_id: str, raw: RawView) -> None:
        """The lake has this id: the same view, or another one that bears its name."""
        spot = (view_id, *(repr(None if v is None else float(v)) for v in (raw.lat, raw.lon)))
        if spot in self.spots:
            return self.out.exclude("already_present")
        detail = f"{raw.where}: the lake has a view of this id at another position"
        return self.out.reject(f"{view_id} ({raw.where})", "duplicate_id", detail)

    def _count(self, raw: RawView, placed: Placed) -> None:
        for note in (*raw.notes, *placed.notes):
            self.out.note(note)
        if placed.conflict:
            self.conflicts.append(f"{raw.where}: {placed.conflict_text}")
            del self.conflicts[_SHOWN_CONFLICTS:]

    def _image_row(self, view_id: str, raw: RawView, data: bytes) -> dict[str, Any]:
        if self.copy_images or raw.uri is None:
            return {"view_id": view_id, "bytes": data}
        return {
            "view_id": view_id, "uri": raw.uri, "offset": raw.offset, "length": raw.length,
        }  # fmt: skip

    def tell(self) -> None:
        """The first few views whose stated country is not where they lie."""
        for line in self.conflicts:
            log(f"country conflict: {line}")


def _read(raw: RawView, root: Path) -> bytes | Refusal:
    """The picture's bytes, unless they are too many or cannot be had."""
    try:
        if raw.data is not None:
            data = raw.data() if callable(raw.data) else raw.data
        elif (size := _size_bytes(raw, root)) > MAX_FILE_BYTES:
            return _too_large(size)
        else:
            row = {"view_id": raw.where, "bytes": None, "uri": raw.uri}
            data = read_image(row | {"offset": raw.offset, "length": raw.length}, root)
    except Exception as error:
        expected = isinstance(error, (InputError, OSError, ValueError))  # a null in a path
        if expected or "://" in (raw.uri or ""):  # protocols have errors of their own
            return Refusal("unreadable_file", str(error))
        raise
    return _too_large(len(data)) if len(data) > MAX_FILE_BYTES else data


def _too_large(size_bytes: int) -> Refusal:
    return Refusal("file_too_large", f"{size_bytes:,} bytes, at most {MAX_FILE_BYTES:,}")


def _size_bytes(raw: RawView, root: Path) -> int:
    """What is to be read, as far as that can be told before reading."""
    if raw.length is not None:
        return raw.length
    return 0 if "://" in (raw.uri or "") else (root / (raw.uri or "")).stat().st_size


def _view_row(view_id: str, raw: RawView, placed: Placed, data: bytes) -> dict[str, Any]:
    width, height = upright_size(data)
    extra = {n: v for n, v in plain({**raw.extra, **placed.extra}).items() if v is not None}
    return {
        "view_id": view_id,
        "lat": raw.lat,
        "lon": raw.lon,
        "heading_deg": raw.heading_deg,
        "captured_at": raw.captured_at,
        "country": placed.country,
        "country_stated": placed.country_stated,
        "country_conflict": placed.conflict,
        "admin1": placed.admin1,
        "city": placed.city,
        "sequence_id": raw.sequence_id,
        "author": raw.author,
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(data).hexdigest(),
        "source": raw.source,
        "source_url": raw.source_url,
        "license": raw.license,
        "attribution": raw.attribution,
        "redistributable": redistributable(raw.license),
        "synthetic": raw.synthetic,
        "extra": json.dumps(extra, ensure_ascii=False, allow_nan=False) if extra else None,
    }
