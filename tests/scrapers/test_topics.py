"""Category and ADE20K classes of sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from georeasoner.clueworld import World
from scrapers.source import Passage
from scrapers.text.read import read
from scrapers.text.topics import categories, category_of, classes_of

ROOT = Path(__file__).resolve().parent.parent.parent
PUBLISHED = ROOT / "scoring" / "ade20k_weights.json"


@pytest.mark.parametrize(
    ("sentence", "topic", "category"),
    [
        ("The poles are wooden.", None, "pole"),
        ("The poles are wooden.", "Bollards", "bollard"),  # the source's word goes first
        ("The poles are wooden.", "Spotlight", "pole"),  # unless it says nothing
        ("It is white.", "license_plates", "plate"),
        ("It is white.", "Driving side", "driving_side"),
        ("It is white.", None, None),
        ("A good sign of Peru.", None, None),
        ("Utility poles beside a house", None, "pole"),
        ("Lorries and buses", None, "vehicle"),
        ("Traffic keeps to the left.", None, "driving_side"),
        ("Traffic keeps left.", None, "driving_side"),
        ("Berries", None, None),
        ("Pedestrian crossing signs are blue.", None, "sign"),
        ("Pedestrian crossings are blue.", None, "road_line"),
        ("Poles are grey; there is no coverage.", None, "pole"),
        ("Cable cars are red.", None, None),
    ],
)
def test_the_topic_first_then_the_strongest_word(
    sentence: str, topic: str | None, category: str | None
) -> None:
    assert category_of(sentence, topic) == category


@pytest.mark.parametrize(
    ("sentence", "category", "classes"),
    [
        ("Licence plates are yellow.", "plate", ("car",)),  # ADE20K's "plate" is crockery
        ("White ones have a band.", "bollard", ("pole",)),
        ("Palms and a stone wall", "vegetation", ("palm, palm tree", "wall")),
        ("Trees behind a fence", "vegetation", ("tree", "fence")),
        ("The domain is .ke", "domain", ("signboard, sign",)),
        ("It is so.", None, ()),
    ],
)
def test_the_classes_that_a_sentence_names_or_its_category_shows(
    sentence: str, category: str | None, classes: tuple[str, ...]
) -> None:
    assert classes_of(sentence, category) == classes


def test_every_class_is_one_of_the_150() -> None:
    from scrapers.text.topics import _topics

    names = {entry["name"] for entry in json.loads(PUBLISHED.read_text())["classes"]}
    assert len(names) == 150
    assert set(_topics()["classes"]) <= names
    assert {c for topic in _topics()["categories"].values() for c in topic["ade20k"]} <= names
    assert set(_topics()["hints"]) <= categories()


def test_what_a_source_knows_stays() -> None:
    for kind in World.load().kinds:
        passage = Passage(
            "In Japan the poles are red.", "https://a.example/", "CC0-1.0", topic="soil",
            category=kind.name, ade20k_classes=(kind.ade20k,),
        )  # fmt: skip
        (clue,) = read([passage])
        assert (clue.category, clue.ade20k_classes) == (kind.name, (kind.ade20k,))
