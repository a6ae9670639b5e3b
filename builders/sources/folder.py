"""`folder:PATH`: photographs in a folder and those below it, placed by their EXIF.

Position, direction and time come from the GPS tags, the time else from DateTimeOriginal. Files
that are not named like pictures are left out and counted.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builders.fields import capture_time, heading, tidy
from builders.licences import redistributable
from builders.source import Ignored, Input, RawView, Refused
from georeasoner.errors import InputError
from georeasoner.registry import register
from scoring.decode import decodable

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".bmp", ".gif"}


@register("view_source", "folder")
def folder(argument: str, seed: int) -> Iterator[Input]:
    """The photographs below a folder, in the order of their names."""
    root = Path(argument)
    if not root.is_dir():
        raise InputError(f"there is no folder {root}", "a folder with photographs")
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(where, name).absolute()
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            if path.suffix.lower() not in SUFFIXES or name.startswith("."):
                yield Ignored("not_named_like_a_picture")
            elif shown != str(path):
                yield Refused(shown, "file_name_not_unicode", f"{shown}: rename it")
            else:
                yield _view(path, root.absolute())


def _view(path: Path, root: Path) -> RawView:
    tags, camera, gps = _exif(path)
    lat, lon = _degrees(gps, 1, 2, "S"), _degrees(gps, 3, 4, "W")
    captured_at, notes = _time(camera, gps, lon)
    rights, artist = _text(tags.get(0x8298)), _text(tags.get(0x013B))
    extra = {"path": path.relative_to(root).as_posix()}
    if local := _text(camera.get(0x9003)):
        extra["datetime_local"] = local
    if model := _text(tags.get(0x0110)):
        extra["camera"] = model
    return RawView(
        where=str(path), uri=str(path), lat=lat, lon=lon, captured_at=captured_at, notes=notes,
        heading_deg=heading(gps.get(17)), author=artist, attribution=rights or artist,
        license=rights if redistributable(rights) else None,
        source=f"folder:{root.name}", extra=extra,
    )  # fmt: skip


def _exif(path: Path) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """The tags of the picture, the camera and the GPS; empty where the file is no picture."""
    from PIL import Image

    if not path.is_file():  # opening a pipe would wait for ever
        return {}, {}, {}
    try:
        with Image.open(path, formats=decodable()) as image:
            exif = image.getexif()
            return dict(exif), exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    except Exception:  # damaged files raise nearly every type; ingest says what is wrong with it
        return {}, {}, {}


def _degrees(gps: Mapping[int, Any], ref: int, tag: int, negative: str) -> float | None:
    """Degrees, minutes and seconds with their N, S, E or W; None where they are not all there."""
    try:
        parts = [float(part) for part in gps[tag]]
        value = math.fsum(part / 60**i for i, part in enumerate(parts))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    letter = (_text(gps.get(ref)) or "").upper()
    return -value if letter.startswith(negative) else value


def _time(
    camera: Mapping[int, Any], gps: Mapping[int, Any], lon: float | None
) -> tuple[datetime | None, tuple[str, ...]]:
    """UTC from the GPS clock, else from the camera's clock and its zone, or the longitude."""
    try:
        year, month, day = (int(part) for part in str(gps[29]).rstrip("\0").split(":"))
        hour, minute, second = (float(part) for part in gps[7])
        return datetime(year, month, day, int(hour), int(minute), int(second), tzinfo=UTC), ()
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        pass  # no GPS clock, or an unset one
    stated = _text(camera.get(0x9003))
    if stated is None:
        return None, ()
    date, _, clock = stated.partition(" ")
    zone = _text(camera.get(0x9011)) or ""
    return capture_time(f"{date.replace(':', '-')} {clock}{zone}", lon)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None else tidy(str(value).replace("\0", ""))
