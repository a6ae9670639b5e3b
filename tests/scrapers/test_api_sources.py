"""Sources that use an API: under its operator's terms there, under robots.txt anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import ConfigError, InputError
from georeasoner.lake import Lake
from scrapers.fetch.siteserver import Answer
from scrapers.source import open_source
from scrapers.stage import scrape

NO = Answer(200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /\n")


@pytest.mark.parametrize(
    ("spec", "its_own"),
    [
        ("wikidata", True),
        ("wikipedia", True),
        ("wikivoyage", True),
        ("wikipedia:https://de.wikipedia.org/w/api.php", True),
        ("reddit", True),
        ("wikidata:https://copy.example/sparql", False),
        ("wikipedia:https://wikipedia.org.example/w/api.php", False),
        ("reddit:https://copy.example/r/geoguessr/top", False),
        ("plonkit", False),
        ("geotips", False),
    ],
)
def test_terms_count_for_the_operators_own_address(spec: str, its_own: bool) -> None:
    terms = getattr(open_source(spec), "api_terms", None)
    assert bool(terms) is its_own and (not terms or terms.startswith("https://"))


def test_a_copy_that_forbids_is_not_asked(scrape_site: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"robots.txt of .* forbids .*\(Disallow: /\)"):
        scrape_site("wikidata", "sparql", {"/robots.txt": NO})


@pytest.mark.parametrize("source", ["wikidata", "wikipedia", "wikivoyage", "reddit"])
def test_an_api_wants_to_know_who_calls(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDDIT_TOKEN", "t")
    with pytest.raises(ConfigError, match=f"{source} without --contact") as raised:
        scrape(Lake.create(tmp_path / "lake"), source)
    assert "\n" not in str(raised.value)
