"""Plonk It: the guide inside the page's JSON, and a site that says no."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.siteserver import Answer
from scrapers.source import open_source

PAGES: dict[str, Any] = {
    "/guide": "guide.html",
    "/japan": "japan.html",
    "/alaska": "alaska.html",
}


def test_the_tips_of_every_country(scrape_site: Callable[..., Any]) -> None:
    found = scrape_site("plonkit", "guide", PAGES)
    # Two of the four guides have a country's code: neither "" nor XX-BEGINNERS is followed.
    assert found.urls.accepted == 3 and not found.urls.rejected
    japan, alaska = "https://guide.example/japan", f"{found.url}alaska"
    pole = "https://guide.example/images/japan/pole.png"
    assert found.rows("text", "countries", "image_url", "source_url") == sorted(
        [
            ("Poles carry striped plates { near the ground }.", ["JP"], pole, japan),
            ('They "glow" at night.', ["JP"], pole, japan),
            ("Taiwan has striped poles too.", ["TW"], pole, japan),
            ("Small cars have yellow plates.", ["JP"], None, japan),
            ("Spruce trees stand thin and low.", ["US"], None, alaska),
        ]
    )
    assert {p.text: (p.topic, p.regions) for p in found.passages} == {
        'Poles carry striped plates { near the ground }. They "glow" at night.': ("pole", ()),
        "Taiwan has striped poles too.": ("pole", ()),
        "Small cars have yellow plates.": ("Identifying Japan", ()),
        "Spruce trees stand thin and low.": ("Spotlight", ("Alaska",)),
    }
    assert {row["license"] for row in found.clues} == {"CC BY-NC-SA 4.0"}
    assert not any(row["ai_training_allowed"] for row in found.clues)  # not for commerce


def test_a_compressed_page_is_read(scrape_site: Callable[..., Any]) -> None:
    page = Path(__file__).parent / "sites" / "plonkit" / "japan.html"
    packed = gzip.compress(page.read_bytes())
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    found = scrape_site("plonkit", "japan", {"/japan": Answer(200, headers, packed)})
    assert len(found.clues) == 4


def test_a_site_that_forbids_yields_one_clear_line(scrape_site: Callable[..., Any]) -> None:
    no = b"User-agent: *\nContent-Signal: ai-train=no\nDisallow: /\n"
    with pytest.raises(InputError, match=r"robots.txt of .* forbids .*\(Disallow: /\)") as raised:
        scrape_site("plonkit", "guide", PAGES | {"/robots.txt": Answer(200, {}, no)})
    assert "\n" not in str(raised.value)


def test_a_start_without_the_data_is_an_error(scrape_site: Callable[..., Any]) -> None:
    blocked = Answer(200, {"Content-Type": "text/html"}, b"<p>Just a moment.")
    with pytest.raises(InputError, match="guide has no script#__PRELOADED_DATA__"):
        scrape_site("plonkit", "guide", {"/guide": blocked})


SCRIPT = '<script id="__PRELOADED_DATA__" type="application/json">{}</script>'


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>Just a moment.", "has no script#__PRELOADED_DATA__"),
        (SCRIPT.replace("{}", "{"), "is no JSON"),
        (SCRIPT, "has no data in its data"),
        (
            SCRIPT.replace("{}", '{"data": {"public": {"title": "Japan"}}}'),
            "has no data.public.steps",
        ),
        (
            SCRIPT.replace(
                "{}",
                '{"data": {"public": {"code": "JP", "steps": '
                '[{"items": [{"kind": "tip", "data": {}}]}]}}}',
            ),
            "has no text in its data",
        ),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], html: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("plonkit").parse(saved_page(html)))
