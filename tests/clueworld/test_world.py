"""The table, the draws and the posterior of ClueWorld."""

from collections import Counter

import h3
import numpy as np
import pytest

from georeasoner.clueworld import World, describe
from georeasoner.clueworld.table import ClueTable, WorldFile, load_table, north_sun_share
from georeasoner.errors import InputError
from georeasoner.geodesy import haversine_km

SMALL = {
    "format": 1, "city_tilt": 0.5, "city_radius_km": 5.0, "cell_resolution": 7,
    "heldout_share": 0.5, "near_duplicate_share": 0.0, "broken_share": 0.0,
    "scenes": {"open": {"share": 1.0}},
    "kinds": {
        "line": {"visible": 0.5, "ade20k": "road, route", "values": {"x": ["an x"], "y": ["a y"]}},
        "soil": {"visible": 0.5, "ade20k": "earth, ground", "values": {"r": ["r"], "g": ["g"]}},
    },
    "countries": {
        "AA": {"clues": {"line": {"x": 0.8}}, "cities": [{"name": "A", "lat": 10, "lon": 10}]},
        "BB": {
            "clues": {"line": {"x": 0.2}},
            "cities": [
                {"name": "B", "lat": 20, "lon": 10, "tilt": {"soil": "r"}},
                {"name": "C", "lat": 30, "lon": 10},
            ],
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return World.load()


@pytest.fixture(scope="module")
def small() -> World:
    return World(ClueTable(WorldFile.model_validate(SMALL)))


def test_posterior_by_hand(small: World) -> None:
    # Prior of cities: A 1/2, B 1/4, C 1/4. Seeing x: A .5*.8, B and C .25*.2 each.
    countries, cities = small.posterior({"line": "x"})
    assert countries == pytest.approx([0.8, 0.2])
    assert cities == pytest.approx([0.8, 0.1, 0.1])
    # Soil r: nothing is said of it, so 1/2 in A and C; in B half of 1/2 plus half of 1 = 3/4.
    # Joint: A .4*.5 = .2, B .05*.75 = .0375, C .05*.5 = .025; their sum is .2625.
    countries, cities = small.posterior({"line": "x", "soil": "r"})
    assert cities == pytest.approx([0.2 / 0.2625, 0.0375 / 0.2625, 0.025 / 0.2625])
    assert countries == pytest.approx([0.2 / 0.2625, 0.0625 / 0.2625])
    best = small.best({"line": "y"})  # B and C .05... : A .1, B .2, C .2 of .5
    assert (best.country, best.country_probability) == ("BB", pytest.approx(0.8))
    assert (best.city, best.city_country, best.city_probability) == ("B", "BB", pytest.approx(0.4))
    assert small.posterior({})[0] == pytest.approx([0.5, 0.5])


def test_draws_follow_the_posterior(small: World) -> None:
    scenes = [small.scene(i, seed=1) for i in range(4000)]
    seen = [s.country for s in scenes if s.clues == {"line": "x", "soil": "r"}]
    share = Counter(seen)["AA"] / len(seen)
    expected = 0.2 / 0.2625
    assert abs(share - expected) < 4 * (expected * (1 - expected) / len(seen)) ** 0.5


def test_best_answer_is_right_as_often_as_it_says(world: World) -> None:
    scenes = [world.scene(i, seed=5) for i in range(3000)]
    best = [world.best(s.clues) for s in scenes]
    said = np.array([b.country_probability for b in best])
    hits = np.array([b.country == s.country for b, s in zip(best, scenes, strict=True)])
    assert abs(hits.mean() - said.mean()) < 4 * hits.std() / 3000**0.5
    assert said == pytest.approx([s.locatability for s in scenes])
    cities = np.array([b.city == s.city for b, s in zip(best, scenes, strict=True)])
    told = np.array([b.city_probability for b in best])
    assert abs(cities.mean() - told.mean()) < 4 * cities.std() / 3000**0.5


def test_ceiling_is_where_it_is_useful(world: World) -> None:
    ceiling = world.ceiling(2000, seed=2)
    assert 0.75 < ceiling["country_locatable"] < 0.87
    assert ceiling["country_unlocatable"] < 0.3
    # Guessing a city of the right country at random would be right a third of the time.
    assert ceiling["city_locatable"] > 1.5 * ceiling["country_locatable"] / 3


def test_impossible_and_unknown_clues_are_refused(world: World) -> None:
    with pytest.raises(InputError, match="some city can show"):
        world.posterior({"driving_side": "left", "script": "hangul"})
    for clues in ({"driving_side": "middle"}, {"weather": "rain"}):
        with pytest.raises(InputError, match="world table"):
            world.posterior(clues)


def test_a_scene_stands_alone(world: World) -> None:
    row = [world.scene(i, seed=9) for i in range(60)]
    assert World(load_table()).scene(41, seed=9) == row[41]
    assert world.scene(41, seed=10) != row[41]
    assert world.scene(41, seed=9, role="heldout").lat != row[41].lat
    assert len({s.view_id for s in row}) == 60
    with pytest.raises(InputError, match="build, heldout"):
        world.scene(0, role="test")
    with pytest.raises(InputError, match="not negative"):
        world.scene(-1)


def test_roles_share_cities_but_no_cell(world: World) -> None:
    cells, cities = {}, {}
    for role in ("build", "heldout"):
        scenes = [world.scene(i, role=role) for i in range(1500)]
        cells[role] = {h3.latlng_to_cell(s.lat, s.lon, 6) for s in scenes}
        cities[role] = {(s.country, s.city) for s in scenes}
        centre = {(c.country, c.name): c for c in world.cities}
        for s in scenes:
            c = centre[s.country, s.city]
            assert haversine_km(s.lat, s.lon, c.lat, c.lon) <= 12.0 + 1e-6
    assert not cells["build"] & cells["heldout"]
    assert len(cities["build"]) == len(cities["heldout"]) == len(world.cities)


def test_facts_of_the_table(world: World) -> None:
    left = {"AU", "GB", "IN", "JP", "KE", "LK", "ZA"}  # country-coder 5.6.1, at all 54 cities
    script = {"BG": "cyrillic", "RU": "cyrillic", "EG": "arabic", "MA": "arabic", "JP": "kana",
              "IN": "devanagari", "KR": "hangul", "LK": "sinhala"}  # fmt: skip
    for iso2, country in world.table.file.countries.items():
        assert country.facts["driving_side"] == ("left" if iso2 in left else "right"), iso2
        assert country.facts["script"] == script.get(iso2, "latin"), iso2
    assert len(world.countries) == 18 and len(world.cities) == 54 and len(world.kinds) == 14
    assert all(3 <= len(k.values) <= 7 or len(k.values) == 2 for k in world.kinds)
    # The noon sun: always south of London, always north of Canberra, even at the equator.
    assert [north_sun_share(lat) for lat in (51.5, -35.3, 0.0)] == [0.0, 1.0, 0.5]
    for iso2, side in (("GB", "south"), ("AU", "north")):
        seen = {world.scene(i).clues.get("sun_side") for i in range(3000)
                if world.scene(i).country == iso2}  # fmt: skip
        assert seen == {None, side}


def test_camera_looks_at_the_sun_it_shows(world: World) -> None:
    for scene in (world.scene(i) for i in range(600)):
        if "sun_side" in scene.clues and scene.near_duplicate_of is None:
            middle_deg = 0 if scene.clues["sun_side"] == "north" else 180
            assert abs((scene.heading_deg - middle_deg + 180) % 360 - 180) <= 15.0


def test_every_phrase_names_one_value(world: World) -> None:
    phrases = [p for k in world.kinds for v in k.values for p in k.phrases[v]]
    assert len(phrases) == len(set(phrases))
    assert all(len(k.phrases[v]) >= 2 for k in world.kinds for v in k.values)
    assert all(p.isascii() and len(p.split()) <= 8 for p in phrases)
    clues = {"skyline": "mesa", "driving_side": "left"}
    assert describe(clues) == "traffic keeps left; flat-topped red mesa"
    spoken = {describe(clues, np.random.default_rng(i)) for i in range(60)}
    assert len(spoken) == 9  # three phrases each


def test_clues_come_in_the_table_order_and_with_what_they_need(world: World) -> None:
    order = [k.name for k in world.kinds]
    for scene in (world.scene(i) for i in range(500)):
        assert list(scene.clues) == [k for k in order if k in scene.clues]
        assert "plate" not in scene.clues or "driving_side" in scene.clues
        assert scene.kind != "wall" or scene.clues == {}


def test_what_is_visible_does_not_depend_on_the_country(world: World) -> None:
    """A chi-squared test of country against number of visible clues, in three bins."""
    from scipy.stats import chi2_contingency

    counts = np.zeros((len(world.countries), 3))
    for scene in (world.scene(i, seed=4) for i in range(6000)):
        n = len(scene.clues)
        counts[world.countries.index(scene.country), (n > 4) + (n > 7)] += 1
    assert chi2_contingency(counts).pvalue > 1e-3
    assert chi2_contingency(counts[:, [2, 1, 0]] * 3 + np.eye(18, 3) * 300).pvalue < 1e-6


def test_near_duplicates_and_broken_files_are_known(world: World) -> None:
    scenes = [world.scene(i, seed=3) for i in range(3000)]
    by_id = {s.view_id: s for s in scenes}
    repeats = [s for s in scenes if s.near_duplicate_of]
    assert 0.03 * 3000 < len(repeats) < 0.05 * 3000
    for s in repeats:
        first = by_id[s.near_duplicate_of]
        assert first.index < s.index and not first.near_duplicate_of and not first.broken
        same = ("lat", "lon", "clues", "sequence_id", "country", "city", "kind", "locatability")
        assert all(getattr(s, name) == getattr(first, name) for name in same)
        turned_deg = (s.heading_deg - first.heading_deg + 180) % 360 - 180
        assert turned_deg == pytest.approx(s.turned_deg) and 2 <= abs(turned_deg) <= 5
    broken = Counter(s.broken for s in scenes)
    assert set(broken) == {None, "truncated", "empty", "text"}
    assert 0.005 * 3000 < 3000 - broken[None] < 0.016 * 3000
    assert not any(s.broken and s.near_duplicate_of for s in scenes)


def test_places_are_where_the_gazetteer_has_them(world: World) -> None:
    from georeasoner.gazetteer import Gazetteer

    gazetteer = Gazetteer.load()
    for city in world.cities:
        known = gazetteer.city(city.name, city.country)
        assert known is not None, city
        assert haversine_km(known.lat, known.lon, city.lat, city.lon) < 5.0, (city, known)
    for role in ("build", "heldout"):
        for scene in (world.scene(i, seed=6, role=role) for i in range(300)):
            assert gazetteer.locate(scene.lat, scene.lon).country == scene.country, scene


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"city_tilt": 2.0}, "city_tilt"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"scenes": {"open": {"share": 0.5}}}, "do not sum to 1"),
        ({"countries": {"AA": {"clues": {"line": {"z": 1.0}}, "cities":
            [{"name": "A", "lat": 1, "lon": 1}]}}}, "line has no value 'z'"),
        ({"countries": {"AA": {"clues": {"line": {"x": 0.7, "y": 0.7}}, "cities":
            [{"name": "A", "lat": 1, "lon": 1}]}}}, "sum to more than 1"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_by_name(tmp_path, change, said) -> None:
    import yaml

    path = tmp_path / "world.yaml"
    path.write_text(yaml.safe_dump(SMALL | change))
    with pytest.raises(InputError, match=said):
        load_table(path)
