"""GeoTips: nested lists, lazy pictures, wrong charsets, a redirect, headings without a country."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.siteserver import Answer
from scrapers.source import open_source

SITE = Path(__file__).parent / "sites" / "geotips"


def test_the_texts_of_the_continents(scrape_site: Callable[..., Any]) -> None:
    # Bytes in UTF-8 that are declared to be Latin-1, and the reverse.
    europe = (SITE / "europe.html").read_bytes()
    asia = (SITE / "asia.html").read_text(encoding="utf-8").encode("cp1252")
    found = scrape_site(
        "geotips",
        "",
        {
            "/europe/": Answer(200, {"Content-Type": "text/html; charset=iso-8859-1"}, europe),
            "/asia/": Answer(302, {"Location": "/continents/asia/"}),
            "/continents/asia/": Answer(200, {"Content-Type": "text/html; charset=utf-8"}, asia),
        },
    )
    assert found.urls.accepted == 2 and found.urls.rejected == {"http 404": 4}
    tips, east = "https://tips.example/europe/", f"{found.url}continents/asia/"
    street, pole = f"{found.url}img/street.jpg", f"{found.url}img/pole.jpg"
    expected = [
        # text, countries, topic, picture, page
        ("Nearly all plates are long. Those of Malta follow the British pattern.",
         [], "Plates", None, tips),
        ("Streets end in gata or “vegen”, written with Å and Ø.",
         ["NO"], "Street names", street, tips),
        ("Farms have names of their own: which are older than the roads.",
         ["NO"], "Street names", street, tips),
        ("they end in rud;", ["NO"], "Street names", street, tips),
        ("or in stad.", ["NO"], "Street names", street, tips),
        ("The oldest end in vin.", ["NO"], "Street names", street, tips),
        ("Black with a white band.", ["NO"], "Bollards", None, tips),
        ("Sweden has wooden ones.", ["NO"], "Bollards", None, tips),
        ("Nothing is written straight under a country’s name but this.",
         ["JP"], None, None, east),
        ("Striped plates on a pole.", ["JP"], "Poles", pole, east),
    ]  # fmt: skip
    assert sorted(
        (p.text, list(p.page_countries), p.topic, p.image_url, p.source_url) for p in found.passages
    ) == sorted(expected, key=lambda row: row[0])
    assert {p.license for p in found.passages} == {None}
    # The sentence under "In general" that names no country is refused, the one of Malta is not.
    assert ("Nearly all plates are long.", "no place") in [
        (r["detail"], r["reason"]) for r in found.rejects
    ]
    texts = {row["text"]: row["countries"] for row in found.clues}
    assert len(texts) == 10 and "MT" in texts["Those of Malta follow the British pattern."]
    assert texts["Striped plates on a pole."] == ["JP"]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<h1>Asia</h1><p>text", "has no country"),
        ("<h2>How to read this</h2><h4>Poles</h4><p>text", "has no country"),
        ("<h2>Japan</h2><p>text", "has no topic under a country"),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], html: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("geotips").parse(saved_page(html)))
