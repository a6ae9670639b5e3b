"""A raw view's position and what its source states in; country, region, city and conflicts out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builders.source import RawView
from georeasoner.geodesy import haversine_km, position_problem
from scoring.decode import Refusal

if TYPE_CHECKING:
    from georeasoner.gazetteer import Gazetteer

# A stated city counts where the gazetteer has it no farther from the view than this.
CITY_REACH_KM = 50.0


@dataclass(frozen=True)
class Placed:
    """Where a view lies. `country` is what the position says, `country_stated` the source.

    `conflict` is None where the source states no country that the gazetteer knows.
    """

    country: str | None
    admin1: str | None
    city: str | None
    country_stated: str | None
    conflict: bool | None
    conflict_text: str = ""
    extra: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def place_of(raw: RawView, gazetteer: Gazetteer) -> Placed | Refusal:
    """Fill in the place of a view, or say why its position is none.

    (0, 0), which stands for "unknown" wherever it turns up, counts as missing.
    """
    lat, lon = raw.lat, raw.lon
    stated = gazetteer.country(raw.country_stated) if raw.country_stated else None
    problem = position_problem(lat, lon)
    if lat is None or lon is None or problem:
        detail = f"lat {lat}, lon {lon}"
        if lat is not None and lon is not None and _swap_fits(gazetteer, lat, lon, stated):
            detail += "; coordinates may be swapped"
        return Refusal(problem or "missing_coordinates", detail)
    if lat == 0 and lon == 0:
        return Refusal("missing_coordinates", "(0, 0) stands for an unknown position")
    place = gazetteer.locate(lat, lon)
    city = _known_city(raw, gazetteer, place.country) or place.city
    extra: dict[str, object] = {}
    notes: list[str] = []
    if raw.city_stated and raw.city_stated != city:
        extra["city_stated"] = raw.city_stated
    if place.country is None:
        notes.append("no_country_at_position")
    if raw.country_stated and stated is None:
        notes.append("stated_country_unknown")
    conflict = None if stated is None else stated != place.country
    text = ""
    if conflict:
        notes.append("country_conflict")
        text = f"stated {stated}, but ({lat}, {lon}) is in {place.country or 'no country'}"
        if _swap_fits(gazetteer, lat, lon, stated):
            notes.append("coordinates may be swapped")
            extra["coordinates_may_be_swapped"] = True
            text += "; coordinates may be swapped"
    return Placed(
        country=place.country, admin1=place.admin1, city=city,
        country_stated=stated or raw.country_stated, conflict=conflict, conflict_text=text,
        extra=extra, notes=tuple(notes),
    )  # fmt: skip


def _swap_fits(gazetteer: Gazetteer, lat: float, lon: float, stated: str | None) -> bool:
    """Whether the pair the other way round is a position, in the stated country if one is."""
    if position_problem(lon, lat):
        return False
    return stated is None or gazetteer.locate(lon, lat).country == stated


def _known_city(raw: RawView, gazetteer: Gazetteer, country: str | None) -> str | None:
    """The stated city by the gazetteer's name, where it knows it near the view."""
    if not raw.city_stated or raw.lat is None or raw.lon is None:
        return None
    city = gazetteer.city(raw.city_stated, country)
    if city is None or haversine_km(raw.lat, raw.lon, city.lat, city.lon) > CITY_REACH_KM:
        return None
    return city.name
