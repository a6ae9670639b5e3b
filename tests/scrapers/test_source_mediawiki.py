"""Wikipedia and Wikivoyage: titles page by page, articles with their revision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.siteserver import Answer
from scrapers.source import Refused, open_source

API = "https://en.wikipedia.org/w/api.php"


class Wiki(dict[str, Any]):
    """Answers by the arguments that matter, and not by their order."""

    def get(self, path: str, otherwise: Any = None) -> Any:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if query.get("maxlag") != "5" or query.get("format") != "json":
            return otherwise
        key = query.get("page") or (query.get("apprefix", ""), query.get("apcontinue"))
        name = super().get(key)  # type: ignore[call-overload]
        if name is None and "page" in query:
            body = b'{"error": {"code": "missingtitle", "info": "The page is not there."}}'
            return Answer(200, {"Content-Type": "application/json"}, body)
        return name or otherwise


def test_articles_of_the_listed_titles(scrape_site: Callable[..., Any]) -> None:
    answers = Wiki(
        {
            ("Vehicle registration plates of ", None): "none.json",
            ("Road signs in ", None): "list1.json",
            ("Road signs in ", "Road_signs_in_Norway"): "list2.json",
            "Road signs in Iceland": "iceland.json",
            "Road signs in Norway": "norway.json",
        }
    )
    found = scrape_site("wikipedia", "w/api.php", answers)
    assert found.urls.accepted == 5
    iceland = f"{found.url}w/index.php?title=Road+signs+in+Iceland&oldid=4711"
    norway = f"{found.url}w/index.php?title=Road+signs+in+Norway&oldid=4712"
    assert found.rows("text", "countries", "image_url", "source_url", "license") == [
        ("Finland has a blue one.", ["FI"], None, iceland, "CC BY-SA 4.0"),
        ("It reads Einbreið brú.", ["IS"], None, iceland, "CC BY-SA 4.0"),
        ("Letters are set in a typeface of the road office.", ["NO"], None, norway, "CC BY-SA 4.0"),
        ("One-lane bridges have a sign of their own.", ["IS"], None, iceland, "CC BY-SA 4.0"),
        ("Warning signs are yellow with a red edge.", ["IS"], None, iceland, "CC BY-SA 4.0"),
    ]
    assert all(row["ai_training_allowed"] for row in found.clues)
    assert {p.text: p.topic for p in found.passages} == {
        "Warning signs are yellow with a red edge.": "Road signs in Iceland",
        "One-lane bridges have a sign of their own.": "Bridges",
        "It reads Einbreið brú.": "Bridges",
        "Finland has a blue one.": "Bridges",
        "Letters are set in a typeface of the road office.": "Road signs in Norway",
    }


def test_the_countries_of_wikivoyage_by_section(scrape_site: Callable[..., Any]) -> None:
    # The codes' order puts Chile among the first sixty.
    found = scrape_site("wikivoyage", "w/api.php", Wiki({"Chile": "chile.json"}), max_pages=60)
    assert found.urls.accepted == 60
    source = f"{found.url}w/index.php?title=Chile&oldid=12"
    assert found.rows("text", "countries", "source_url") == [
        ("Gravel roads begin south of Puerto Montt.", ["CL"], source)
    ]
    assert [p.topic for p in found.passages] == ["By car"]
    assert {r["reason"] for r in found.rejects} == {"wiki: missingtitle"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "has no JSON"),
        ("[]", "has no usable object in its data"),
        ("{}", "has no answer of the MediaWiki API"),
        ('{"parse": {"title": "Norway"}}', "has no parse.revid in its data"),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], body: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("wikipedia").parse(saved_page(body, API)))


def test_a_wiki_that_refuses_is_counted(saved_page: Callable[..., Any]) -> None:
    body = '{"error": {"code": "missingtitle", "info": "The page is not there."}}'
    assert list(open_source("wikivoyage").parse(saved_page(body, f"{API}?page=Atlantis"))) == [
        Refused(f"{API}?page=Atlantis#missingtitle", "wiki: missingtitle", "The page is not there.")
    ]


def test_a_busy_wiki_is_asked_again(scrape_site: Callable[..., Any]) -> None:
    """By `maxlag` it answers 200 with an error and asks to come again: that is no page."""
    lag = b'{"error": {"code": "maxlag", "info": "Waiting for a database: 6 seconds lagged."}}'
    busy = [Answer(200, {"Content-Type": "application/json", "Retry-After": "0"}, lag)]

    class Busy(Wiki):
        def get(self, path: str, otherwise: Any = None) -> Any:
            return busy.pop() if "page=Road" in path and busy else super().get(path, otherwise)

    answers = Busy(
        {
            ("Vehicle registration plates of ", None): "none.json",
            ("Road signs in ", None): "list2.json",
            "Road signs in Norway": "norway.json",
        }
    )
    found = scrape_site("wikipedia", "w/api.php", answers)
    assert not busy and not found.rejects
    assert [row["countries"] for row in found.clues] == [["NO"]]
