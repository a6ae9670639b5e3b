"""The one contract between training, prediction and scoring: prompt, answer, parser, position.

A model is shown a picture and `PROMPT`, and writes JSON with the keys reasons, country and city,
optionally lat and lon. `parse` makes an `Answer` of whatever it wrote and never raises; `position`
turns an answer into coordinates and says where they come from.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from georeasoner.gazetteer import Gazetteer
from georeasoner.geodesy import LatLon, position_problem

PROMPT = (
    "Where is this street view? Think step by step: name the clues, then the place. "
    "Answer in JSON with the keys reasons, country, city."
)
PositionSource = Literal["coordinates", "city", "country"]
MAX_TEXT = 20_000  # characters of an answer that are looked at
MAX_REASONS = 50
_NOWHERE = {"", "unknown", "none", "null", "n/a", "na", "not sure", "unclear", "?"}
_PAIR = re.compile(
    r"""["']?(?P<key>country|city|reasons?|lat(?:itude)?|lon(?:gitude)?|lng)["']?\s*[:=]\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"?|'(?P<single>(?:[^'\\]|\\.)*)'?|(?P<bare>[^,}\n]+))""",
    re.IGNORECASE | re.VERBOSE,
)
_KEYS = {"reason": "reasons", "latitude": "lat", "longitude": "lon", "lng": "lon"}


@dataclass(frozen=True)
class Answer:
    """What a model says of a picture; what it does not say is None or empty.

    `country` is an ISO 3166-1 alpha-2 code, `city` a name as it was written.
    """

    country: str | None = None
    city: str | None = None
    reasons: tuple[str, ...] = ()
    lat: float | None = None
    lon: float | None = None

    @property
    def answered(self) -> bool:
        """Whether there is a country, a city or a position."""
        return self.country is not None or self.city is not None or self.lat is not None


def render(answer: Answer, name: Callable[[str], str]) -> str:
    """The JSON that a model should write; `name` gives a country's name for its code."""
    content: dict[str, Any] = {"reasons": "; ".join(answer.reasons)}
    if answer.country is not None:
        content["country"] = name(answer.country)
    if answer.city is not None:
        content["city"] = answer.city
    if answer.lat is not None and answer.lon is not None:
        content |= {"lat": answer.lat, "lon": answer.lon}
    return json.dumps(content, ensure_ascii=False)


def parse(text: object) -> Answer:
    """The answer in a model's words; an empty one where there is none. Never raises."""
    if not isinstance(text, str):
        return Answer()
    content = _content(text[:MAX_TEXT])
    country = _text(content.get("country"))
    lat, lon = _number(content.get("lat")), _number(content.get("lon"))
    if position_problem(lat, lon):
        lat = lon = None
    return Answer(
        country=Gazetteer.load().country(country) if country else None,
        city=_text(content.get("city")),
        reasons=_reasons(content.get("reasons")),
        lat=lat,
        lon=lon,
    )


def position(answer: Answer, gazetteer: Gazetteer) -> tuple[LatLon | None, PositionSource | None]:
    """Where an answer lies: its coordinates, else its city's centre, else its country's largest
    city. A city that the stated country does not have says nothing."""
    if answer.lat is not None and answer.lon is not None:
        return LatLon(answer.lat, answer.lon), "coordinates"
    if answer.city is not None:
        city = gazetteer.city(answer.city, answer.country)
        if city is not None:
            return LatLon(city.lat, city.lon), "city"
    if answer.country is not None:
        largest = gazetteer.largest_city(answer.country)
        if largest is not None:
            return LatLon(largest.lat, largest.lon), "country"
    return None, None


def _content(text: str) -> dict[str, Any]:
    """The last JSON object with a key of ours; failing that, the keys found one by one."""
    for candidate in reversed(re.findall(r"\{[^{}]*\}", text)):
        for read in (json.loads, ast.literal_eval):
            try:
                content = read(re.sub(r",\s*}", "}", candidate))
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
            if isinstance(content, dict):
                known = _known(content)
                if known:
                    return known
    pairs: dict[str, Any] = {}
    for match in _PAIR.finditer(text):
        said = next(g for g in match.group("double", "single", "bare") if g is not None)
        pairs[match["key"]] = said
    return _known(pairs)


def _known(content: dict[Any, Any]) -> dict[str, Any]:
    """Our keys, in lower case and under one name each."""
    found = {}
    for key, value in content.items():
        name = str(key).strip().casefold()
        name = _KEYS.get(name, name)
        if name in {"country", "city", "reasons", "lat", "lon"}:
            found[name] = value
    return found


def _text(value: Any) -> str | None:
    """A name, unless it says that there is none."""
    if not isinstance(value, str):
        return None
    text = " ".join(value.split()).strip(" .\"'")
    return None if text.casefold() in _NOWHERE else text


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _reasons(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else str(value or "").split(";")
    texts = (" ".join(str(part).split()) for part in parts[:MAX_REASONS])
    return tuple(text for text in texts if text)
