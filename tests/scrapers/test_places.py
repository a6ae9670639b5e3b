"""Places in sentences: the rules one by one, and the labelled sentences as a whole."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.text.measure import read_labelled, report, scores_of
from scrapers.text.places import countries_in, places_in
from scrapers.text.topics import category_of

LABELLED = Path(__file__).resolve().parent.parent / "data" / "place_sentences.jsonl"


@pytest.mark.parametrize(
    ("sentence", "countries"),
    [
        ("In Japan traffic keeps to the left.", ("JP",)),
        ("Common in Japan, and also seen in the United States.", ("JP", "US")),
        ("South Africa and Kenya share it; South Africa more so.", ("ZA", "KE")),
        ("UK plates are yellow.", ("GB",)),
        ("In no place. No. Can it be? It can.", ()),
        ("Norwegian and Sri Lankan buses", ("NO", "LK")),
        ("Bosnia and Herzegovina has many.", ("BA",)),
        ("Latin letters on a White board", ()),
        ("", ()),
        ("The Poles paint their poles; poles in Uruguay are bare.", ("PL", "UY")),
        ("Poles stand everywhere.", ()),
        ("Chad Bollards", ("TD",)),  # a heading
        ("Chad Miller", ()),
        ("Congo (DRC)", ("CD",)),
        ("South Georgia & South Sandwich Islands", ("GS",)),
        ("in turkey the poles are yellow, and no turkey is in sight", ("TR",)),
        ("Jordan Street has trees.", ()),
        ("Jordan Road Signs", ("JO",)),  # a heading
        ("Chad told me of it.", ()),
        ("Chad told nobody of it.", ("TD",)),
        ("In Cuba City", ("US",)),  # Wisconsin; Mali Bukovec is Croatian
        ("Mali and Mali Bukovec", ("ML", "HR")),
        ("Both Koreas", ("KP", "KR")),
        ("The Nordics", ("DK", "FI", "IS", "NO", "SE")),
    ],
)
def test_countries_in_the_order_of_the_sentence(sentence: str, countries: tuple[str, ...]) -> None:
    assert countries_in(sentence) == countries


@pytest.mark.parametrize(
    ("sentence", "countries"),
    [
        ("Unlike Norway, Sweden has them.", ("SE",)),
        ("Unlike Norway and Sweden, Denmark has them.", ("DK",)),
        ("Unlike Norway, Sweden and Denmark have them.", ("SE", "DK")),
        ("Unlike Norway, Sweden and Denmark, Iceland has them.", ("IS",)),
        ("They differ from those of Norway, Sweden and Denmark.", ()),
        ("Countries like Norway have them.", ("NO",)),
        ("Finland is like Norway.", ("FI",)),
        ("Finland as well as Norway has them.", ("FI", "NO")),
        ("Finland is as flat as Denmark.", ("FI",)),
        ("It is seen in Chile, but not in Peru.", ("CL",)),
        ("It is not found in Peru.", ("PE",)),
        ("This cannot be Peru.", ()),
        ("Peru's poles are thinner than Chile's.", ("PE",)),
        ("No other country than Peru has it.", ("PE",)),
        ("All of Scandinavia but Norway has it.", ("DK", "SE")),
        ("All roads of Norway are flat but Peru is not.", ("NO", "PE")),
        ("No country but Peru has it.", ("PE",)),
        ("No country except Peru has it.", ("PE",)),
        ("Except for Peru, no country has it.", ("PE",)),
        ("Peru has it, as has every country except Chile.", ("PE",)),
        ("Neither Peru nor Chile has it.", ("PE", "CL")),
        ("Neither Peru nor Chile has what Cuba has.", ("CU",)),
        ("You can tell Peru from Chile.", ("PE",)),
        ("The signs tell Peru from Chile.", ("PE", "CL")),
        ("Peru's buses are old ones from Japan.", ("PE",)),
        ("This is from Peru and that is from Japan.", ("PE", "JP")),
        ("Peru borders Chile.", ("PE",)),
        ("Peruvian signs resemble those of Chile.", ("PE",)),
        ("Baltic birches on Latvian hills", ("LV",)),
        ("Baltic states and Latvian hills", ("EE", "LV", "LT")),
        ("Of the Baltic states only Latvia has it.", ("LV",)),
        ("Chilean Patagonia", ("CL",)),
        ("Chilean-style poles in Peru", ("PE",)),
        ("The Chilean border of Peru", ("PE",)),
        ("Peru has Chilean signs.", ("PE",)),
        ("Chilean and Peruvian signs", ("CL", "PE")),
    ],
)
def test_only_the_country_spoken_of(sentence: str, countries: tuple[str, ...]) -> None:
    assert countries_in(sentence) == countries


@pytest.mark.parametrize(
    ("sentence", "page", "countries", "regions"),
    [
        ("Georgia has gas pipes.", (), ("GE",), ()),
        ("Georgia has red clay.", ("US",), ("US",), ("Georgia",)),
        ("Georgia and Florida have red clay.", (), ("US",), ("Georgia", "Florida")),
        ("Georgia has gas pipes.", ("GE", "US"), ("GE",), ()),
        ("Georgia's county roads", (), ("US",), ("Georgia",)),
        ("Georgia's county roads", ("GE",), ("GE",), ()),
        ("In Paris, Texas", (), ("US",), ("Paris", "Texas")),
        ("In Paris", (), ("FR",), ("Paris",)),
        ("In Mérida", (), (), ()),  # 892,000 people in Mexico, 300,000 in Venezuela
        ("In Mérida", ("VE",), ("VE",), ("Mérida",)),
        ("In Mérida and Caracas", (), ("VE",), ("Mérida", "Caracas")),
        ("The far south of France", (), ("FR",), ("southern France",)),
        ("Peru’s northern coast", (), ("PE",), ("northern Peru",)),
        ("Central Chile, north-west Spain", (), ("CL", "ES"),
         ("central Chile", "northwestern Spain")),
        ("Scottish roads", (), ("GB",), ("Scotland",)),
        ("The Baltics", (), ("EE", "LV", "LT"), ()),
        ("The Balkans", (), (), ()),
    ],
)  # fmt: skip
def test_namesakes_and_regions(
    sentence: str, page: tuple[str, ...], countries: tuple[str, ...], regions: tuple[str, ...]
) -> None:
    places = places_in(sentence, page)
    assert (places.countries, places.regions) == (countries, regions)


@pytest.mark.parametrize(
    "text",
    ["Norway, " * 5000, "tell Norway " * 3000, "as " * 10000, "Norway and " * 3000, ". " * 50000],
)
def test_a_sentence_without_end_takes_no_hours(text: str) -> None:
    started = time.monotonic()
    places_in(text)
    category_of(text)
    assert time.monotonic() - started < 20  # a second; minutes if it grew with the square


@given(st.text(alphabet=st.sampled_from("NorwayPeu ,.;-’'\"andilk"), max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_has_places_or_none(text: str) -> None:
    places = places_in(text, ("NO",))
    assert len(set(places.countries)) == len(places.countries)
    assert all(len(code) == 2 for code in places.countries)


def test_the_labelled_sentences() -> None:
    scores = scores_of(read_labelled(LABELLED))
    assert next(report(scores)).startswith("dev: 184 sentences, countries P 1.0")
    assert sum(split.sentences for split in scores.values()) >= 260
    for name in ("test", "later", "fresh"):
        assert scores[name].precision >= 0.95 and scores[name].recall >= 0.90
        assert scores[name].regions.precision >= 0.90 and scores[name].regions.recall >= 0.90
        assert scores[name].categories_right / scores[name].sentences >= 0.83
