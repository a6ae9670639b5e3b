"""The corpus that ships: its facts against what is known by heart, its checks, its sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from georeasoner.errors import InputError
from georeasoner.gazetteer import Gazetteer
from scoring.locatability import class_names
from scrapers.builtin.checks import all_facts, faults
from scrapers.builtin.facts import Fact, kinds, parse_facts, read_facts, sources
from scrapers.builtin.sentences import clue, corpus


def test_the_corpus_is_as_large_as_promised() -> None:
    clues = list(corpus())
    assert len(clues) >= 1500 and len({c.country for c in clues}) >= 180
    assert len({c.text for c in clues}) == len(clues)
    assert sum(len(read_facts(kind)) > 50 for kind in kinds()) >= 8


def test_nothing_is_wrong_with_it() -> None:
    assert list(faults(all_facts())) == []


@pytest.mark.parametrize(
    ("kind", "country", "value"),
    [
        ("driving_side", "GB", "left"),
        ("driving_side", "MZ", "left"),
        ("driving_side", "US", "right"),
        ("driving_side", "VI", "left"),  # although the United States drive on the right
        ("speed_unit", "LC", "mph"),
        ("speed_unit", "CA", "km/h"),
        ("internet_domain", "GB", ".uk"),
        ("internet_domain", "CH", ".ch"),
        ("calling_code", "KE", "+254"),
        ("calling_code", "US", "+1"),
        ("currency", "HR", "EUR"),  # since 2023
        ("currency", "BG", "EUR"),  # since 2026
        ("postal_code", "NL", "the shape 1234 AB"),
        ("postal_code", "PL", "the shape 12-345"),
        ("plate_code", "CH", "CH"),
        ("plate_code", "GB", "UK"),
        ("sun", "NO", "south"),
        ("sun", "NZ", "north"),
        ("sun", "KE", "either"),
        ("coast", "MN", "none"),
        ("coast", "NZ", "island"),
        ("highest_point", "NP", "8849"),
        ("stop_sign", "MX", "ALTO"),
        ("centre_line", "NO", "yellow"),
        ("worship", "TH", "Buddhist"),
        ("street_word", "CH", "German"),
    ],
)
def test_facts_that_are_known_by_heart(kind: str, country: str, value: str) -> None:
    assert value in {v for f in read_facts(kind) if f.country == country for v in f.values.values()}


@pytest.mark.parametrize(
    ("kind", "country", "values"),
    [
        ("language", "CH", {"German", "French", "Italian"}),
        ("language", "MT", {"Maltese", "English"}),
        ("script", "RS", {"Cyrillic"}),  # and Latin, which tells nothing
        ("script", "JP", {"Japanese"}),
        ("script", "PL", {"Latin only"}),  # it borders on Belarus and Ukraine
        ("own_name", "FI", {"Finnish"}),  # the Swedish one is the English one
    ],
)
def test_facts_of_several_values(kind: str, country: str, values: set[str]) -> None:
    assert {next(iter(f.values.values())) for f in read_facts(kind) if f.country == country} == (
        values
    )


KENYA = Fact("driving_side", "KE", {"side": "left"}, ("country-coder",), "")


def found(*facts: Fact) -> Iterator[str]:
    """The faults of a few facts, without those of sources that they do not use."""
    return (line for line in faults(facts) if not line.endswith("no fact has it"))


def test_a_good_fact_has_no_fault() -> None:
    assert list(found(KENYA)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sources": ()}, "driving_side, KE: no source"),
        ({"sources": ("hearsay",)}, "driving_side, KE: source 'hearsay' is not in sources.yaml"),
        (
            {"sources": ("world-countries",)},
            "driving_side, KE: world-countries is for comparison only (ODbL-1.0)",
        ),
        ({"values": {"side": "middle"}}, "driving_side, KE: no wording for {'side': 'middle'}"),
    ],
)
def test_faults_are_named(change: dict, fault: str) -> None:
    assert next(found(replace(KENYA, **change))) == fault


def test_a_country_that_contradicts_itself() -> None:
    assert list(found(KENYA, replace(KENYA, values={"side": "right"}))) == [
        "driving_side, KE: 2 rows"
    ]


def test_a_code_that_no_country_has() -> None:
    facts = [replace(KENYA, country="ZZ"), KENYA]
    with pytest.raises(InputError, match="country 'ZZ'"):
        list(found(*facts))
    assert next(found(*facts)) == "driving_side, ZZ: 'ZZ' is no country code"


def test_an_unused_source_is_a_fault() -> None:
    assert "source phonenumbers: no fact has it" in faults([KENYA])


def test_a_fact_makes_one_sentence_always_the_same() -> None:
    made = clue(KENYA)
    assert made == clue(replace(KENYA))
    assert made.text in {
        "Traffic in Kenya keeps to the left, so oncoming cars pass on your right.",
        "Cars in Kenya drive on the left side of the road.",
        "Vehicles that keep left, with parked cars on the left facing away from you, fit Kenya.",
    }
    assert (made.country, made.category) == ("KE", "driving_side")
    assert made.source_url.startswith("pkg:npm/%40rapideditor/country-coder@")


def test_names_take_their_article() -> None:
    named = Gazetteer.load().name_in_text
    assert [named(c) for c in ("NL", "KE", "XK")] == ["the Netherlands", "Kenya", "Kosovo"]
    landlocked = Fact("coast", "VA", {"coast": "none"}, ("world-factbook",), "")
    assert clue(landlocked).text in {
        "No sea shore lies in the Vatican, which has neighbours on all sides.",
        "The Vatican is landlocked, so it has no beach or harbour by the sea.",
    }


def test_classes_are_those_of_ade20k() -> None:
    assert {c for clue in corpus() for c in clue.ade20k_classes} <= set(class_names())


def test_what_one_does_not_see_is_no_class() -> None:
    """Else a view of the sea would be a reason for a country without a shore."""
    made = {kind: [clue(fact) for fact in read_facts(kind)] for kind in ("coast", "highest_point")}
    landlocked = [c for c in made["coast"] if "landlocked" in c.text or "No sea shore" in c.text]
    assert landlocked and not any(c.ade20k_classes for c in landlocked)
    flat = [c for c in made["highest_point"] if "no mountains" in c.text or "too low" in c.text]
    assert flat and not any("mountain, mount" in c.ade20k_classes for c in flat)


def test_a_table_with_other_columns() -> None:
    with pytest.raises(InputError, match=r"x\.csv: columns \['country', 'side'\]"):
        list(parse_facts("driving_side", "country,side\nKE,left\n", "x.csv"))
    with pytest.raises(InputError, match=r"x\.csv, line 2: 4 columns expected"):
        list(parse_facts("driving_side", "country,side,source,note\nKE,left\n", "x.csv"))


def test_sources_say_where_their_licence_was_read() -> None:
    bases = [s for s in sources().values() if s.use == "base"]
    assert len(bases) >= 10 and all(s.license and s.license_read != "-" for s in bases)
    assert not any("ODbL" in s.license or "CC-BY" in s.license for s in bases)
