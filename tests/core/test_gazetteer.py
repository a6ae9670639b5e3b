"""Positions to places and names to codes, offline."""

from __future__ import annotations

import csv

import pytest

from georeasoner.errors import InputError
from georeasoner.gazetteer import Gazetteer

GAZETTEER = Gazetteer.load()


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        (48.8566, 2.3522, "FR"),  # Paris
        (31.6904, -106.4245, "MX"),  # Ciudad Juarez
        (31.85, -106.40, "US"),  # El Paso
        (42.67, 21.17, "XK"),  # Pristina
        (66.0, -175.0, "RU"),  # Chukotka, beyond the date line
        (67.0, 179.9, "RU"),
        (-17.8, 178.0, "FJ"),
        (-80.0, 0.0, "AQ"),
        (-80.0, 179.0, "AQ"),
        (1.3521, 103.8198, "SG"),
        (43.7384, 7.4246, "MC"),
        (41.902, 12.434, "VA"),
        (28.1, -15.42, "ES"),  # Las Palmas, off Africa
        (0.0, -30.0, None),  # the Atlantic
        (90.0, 0.0, None),  # the North Pole
    ],
)
def test_countries_of_positions(lat, lon, country):
    assert GAZETTEER.locate(lat, lon).country == country


def test_many_positions_are_as_one_by_one():
    lats, lons = [48.85, 0.0, 35.68], [2.35, -30.0, 139.69]
    assert GAZETTEER.locate_many(lats, lons) == [
        GAZETTEER.locate(a, b) for a, b in zip(lats, lons, strict=True)
    ]
    place = GAZETTEER.locate(48.85, 2.35)
    assert (place.admin1, place.city) == ("Ile-de-France", "Paris")
    # 10 km from the centre, among suburbs, the city is still Paris
    assert GAZETTEER.locate(48.90, 2.46).city == "Paris"


def test_real_photographs_agree(shared_data):
    with (shared_data / "streetscapes" / "views.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = [GAZETTEER.locate(float(r["lat"]), float(r["lon"])).country for r in rows]
    assert found == [r["country"] for r in rows]
    assert len(found) == 40


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the Netherlands", "NL"), ("Dutch", "NL"), ("holland", "NL"), ("NLD", "NL"),
        ("Côte d’Ivoire", "CI"), ("Ivory Coast", "CI"), ("U.S.", "US"), ("Türkiye", "TR"),
        ("Czechia", "CZ"), ("Burma", "MM"), ("Kosovo", "XK"), ("gb", "GB"), ("Niger", "NE"),
        ("Nigeria", "NG"), ("Trinidad & Tobago", "TT"), ("Atlantis", None), ("", None),
    ],
)  # fmt: skip
def test_names_of_countries(text, code):
    assert GAZETTEER.country(text) == code


def test_every_written_name_means_a_country():
    for code in GAZETTEER.countries():
        assert GAZETTEER.country(GAZETTEER.name(code)) == code
    with pytest.raises(InputError, match="alpha-2"):
        GAZETTEER.name("Japan")


def test_cities():
    assert GAZETTEER.city("München").name == "Munich"
    assert GAZETTEER.city("Paris", "US").admin1 == "Texas"
    assert GAZETTEER.city("Osaka", "NO") is None
    assert GAZETTEER.largest_city("NO").name == "Oslo"
    cities = GAZETTEER.cities("GB", n=30)
    assert len(cities) == 30 and cities[0].name == "London"
    populations = [city.population for city in cities]
    assert populations == sorted(populations, reverse=True)


def test_the_cities_of_clueworld_are_found_where_they_are():
    from georeasoner.clueworld import World

    for city in World.load().cities:
        assert GAZETTEER.locate(city.lat, city.lon).country == city.country
        assert GAZETTEER.city(city.name, city.country).name == city.name
