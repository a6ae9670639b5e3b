"""GeoHints: cards with lazy pictures, most of them without words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.siteserver import Answer
from scrapers.source import open_source


def test_words_on_cards_are_clues_and_wordless_cards_are_counted(
    scrape_site: Callable[..., Any],
) -> None:
    found = scrape_site(
        "geohints",
        "",
        {
            "/": "index.html",
            "/meta/bollards": "bollards.html",
            "/meta/signs/speedLimits": "speed.html",
            "/meta/old-bollards": Answer(301, {"Location": "/meta/bollards"}),
        },
    )
    # The front page, three addresses under /meta/ (two of them one page); /about is not followed,
    # nor are two maps.
    assert found.urls.accepted == 4 and found.urls.excluded == {"not followed": 1, "off-site": 2}
    url, picture = "https://hints.example/meta/bollards", "https://hints.example/storage/bollards/"
    assert found.rows("text", "countries", "image_url", "source_url", "license") == [
        ("Rare beside gravel roads.", ["IS"], picture + "2.jpg", url, None),
        ("Yellow bollards with a slanted reflector.", ["IS"], picture + "2.jpg", url, None),
    ]
    assert not any(row["ai_training_allowed"] for row in found.clues)  # no licence is stated
    assert {p.topic for p in found.passages} == {"bollards"}
    speed = f"{found.url}meta/signs/speedLimits"
    assert sorted((r["reason"], r["detail"]) for r in found.rejects) == [
        ("no place", "Bollards here lean towards the sea."),
        ("no sentence", "bollards: Norway"),
        ("no sentence", "signs speed limits: Chile 120 km/h"),
        ("no sentence", "signs speed limits: Peru 100 km/h"),
    ]
    assert {r["input_id"] for r in found.rejects} >= {f"{url}#1", f"{speed}#1", f"{speed}#2"}


def test_a_page_of_things_without_cards_is_an_error(saved_page: Callable[..., Any]) -> None:
    source = open_source("geohints")
    with pytest.raises(InputError, match="has no card"):
        list(source.parse(saved_page("<p>Moved.", "https://hints.example/meta/bollards")))
    assert list(source.parse(saved_page("<p>About us.", "https://hints.example/about"))) == []
