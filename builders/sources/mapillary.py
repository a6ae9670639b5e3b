"""`mapillary:WEST,SOUTH,EAST,NORTH`: photographs of a bounding box (degrees) from Mapillary.

API v4, with a token of your own in the environment variable MAPILLARY_TOKEN. The box is asked for
in tiles, because one answer holds at most 2,000 photographs and large boxes are refused. The
addresses of the pictures run out within weeks, so the lake keeps their bytes.
"""

from __future__ import annotations

import json
import math
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from builders.fields import capture_time, heading
from builders.source import Input, RawView, Refused
from georeasoner.errors import ConfigError, InputError
from georeasoner.progress import log
from georeasoner.registry import register

API = "https://graph.mapillary.com"
FIELDS = (
    "id,geometry,computed_geometry,compass_angle,computed_compass_angle,captured_at,sequence,"
    "creator,thumb_2048_url,is_pano"
)
TILE_DEG = 0.05
AT_MOST = 2000  # photographs in one answer
TIMEOUT_S = 60
Box = tuple[float, float, float, float]


@register("view_source", "mapillary")
def mapillary(argument: str, seed: int) -> Iterator[Input]:
    """Every photograph in the box, tile by tile. Raises `ConfigError` without a token."""
    box = _box(argument)
    token = os.environ.get("MAPILLARY_TOKEN")
    if not token:
        raise ConfigError(
            "MAPILLARY_TOKEN is not set", "a client token of a Mapillary account",
            "register an application with Mapillary and export its token",
        )  # fmt: skip
    seen: set[str] = set()  # a photograph on the line between two tiles is in both
    for tile in _tiles(box):
        for photo in _photos(tile, token):
            if photo["id"] not in seen:
                seen.add(photo["id"])
                yield _view(photo)


def _box(argument: str) -> Box:
    try:
        west, south, east, north = (float(part) for part in argument.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(f"mapillary:{argument}", "mapillary:WEST,SOUTH,EAST,NORTH in degrees")
    return west, south, east, north


def _tiles(box: Box) -> Iterator[Box]:
    west, south, east, north = box
    for row in range(math.ceil((north - south) / TILE_DEG)):
        for column in range(math.ceil((east - west) / TILE_DEG)):
            left, low = west + column * TILE_DEG, south + row * TILE_DEG
            yield left, low, min(left + TILE_DEG, east), min(low + TILE_DEG, north)


def _photos(tile: Box, token: str) -> list[dict[str, Any]]:
    """The photographs of a tile; a tile with as many as one answer holds is cut in four."""
    query = urllib.parse.urlencode(
        {
            "fields": FIELDS,
            "bbox": ",".join(f"{edge:.6f}" for edge in tile),
            "limit": AT_MOST,
        }
    )
    photos: list[dict[str, Any]] = json.loads(_get(f"{API}/images?{query}", token))["data"]
    west, south, east, north = tile
    if len(photos) < AT_MOST or east - west < 1e-4:
        return photos
    log(f"mapillary: more than {AT_MOST:,} photographs in one tile; asking for its quarters")
    x, y = (west + east) / 2, (south + north) / 2
    quarters = ((west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north))
    return [photo for quarter in quarters for photo in _photos(quarter, token)]


def _view(photo: dict[str, Any]) -> RawView | Refused:
    url = photo.get("thumb_2048_url")
    if not url:
        return Refused(f"mapillary:{photo['id']}", "missing_picture", "the API gives no address")
    place = photo.get("computed_geometry") or photo.get("geometry") or {}
    lon, lat = place.get("coordinates") or (None, None)
    captured_at, notes = None, ()
    if (stated := photo.get("captured_at")) is not None:
        captured_at, notes = capture_time(stated, None)
    author = (photo.get("creator") or {}).get("username")
    angle = photo.get("computed_compass_angle")
    return RawView(
        where=f"mapillary photograph {photo['id']}", view_id=f"mapillary:{photo['id']}",
        data=_reader(url), lat=lat, lon=lon, captured_at=captured_at, notes=notes,
        heading_deg=heading(photo.get("compass_angle") if angle is None else angle),
        sequence_id=photo.get("sequence"), author=author, source="Mapillary",
        source_url=f"https://www.mapillary.com/app/?pKey={photo['id']}&focus=photo",
        license="CC-BY-SA-4.0", attribution=f"{author or 'contributor'}, Mapillary",
        extra={"is_pano": photo.get("is_pano")},
    )  # fmt: skip


def _reader(url: str) -> Callable[[], bytes]:
    return lambda: _get(url, None)


def _get(url: str, token: str | None) -> bytes:
    """The answer's body. Raises `InputError` with the service's own words."""
    headers = {"Authorization": f"OAuth {token}"} if token else {}
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError as error:
        words = error.read(300).decode("utf-8", "replace")
        raise InputError(f"Mapillary answers {error.code}: {words}") from error
    except OSError as error:
        raise InputError(f"Mapillary cannot be reached: {error}") from error
    return body
