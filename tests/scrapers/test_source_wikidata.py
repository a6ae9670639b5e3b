"""Wikidata: the very queries, answered from a small graph with ranks, ends and gaps."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.siteserver import Answer
from scrapers.source import open_source

GRAPH = Path(__file__).parent / "sites" / "wikidata" / "graph.ttl"


class Endpoint(dict[str, Any]):
    """A SPARQL endpoint that answers in JSON, compressed, as the query service does."""

    def __init__(self) -> None:
        from rdflib import Graph

        self.graph = Graph().parse(GRAPH)

    def get(self, path: str, otherwise: Any = None) -> Any:
        asked = parse_qs(urlsplit(path).query)
        if "query" not in asked:
            return otherwise
        body = self.graph.query(asked["query"][0]).serialize(format="json")
        assert body is not None and asked["format"] == ["json"]
        headers = {
            "Content-Type": "application/sparql-results+json;charset=utf-8",
            "Content-Encoding": "gzip",
        }
        return Answer(200, headers, gzip.compress(body))


def test_facts_become_sentences(scrape_site: Callable[..., Any]) -> None:
    found = scrape_site("wikidata", "sparql", Endpoint())
    assert found.urls.accepted == 8  # one request a fact
    netherlands = "https://www.wikidata.org/wiki/Q55"
    expected = [
        ("Traffic in the Netherlands keeps to the right.", "driving_side"),
        ("The official languages of the Netherlands are Dutch and West Frisian.", "language"),
        (
            "What is written in an official language of the Netherlands is in the Latin script.",
            "script",
        ),
        ("Web addresses in the Netherlands end in .nl.", "domain"),
        (
            "Phone numbers in the Netherlands that are written in full begin with +31.",
            "calling_code",
        ),
        ("The international plate codes of cars from the Netherlands are NA and NL.", "plate"),
        ("Prices in the Netherlands are in euro.", "currency"),
        ("The flag of the Netherlands shows red and white.", "flag"),
    ]
    assert found.rows("text", "countries", "category", "source_url", "license") == sorted(
        (text, ["NL"], category, netherlands, "CC0-1.0") for text, category in expected
    )
    assert all(row["ai_training_allowed"] for row in found.clues)
    assert sorted((r["input_id"], r["reason"]) for r in found.rejects) == [
        ("wikidata:P1622:AR", "contradiction"),
        ("wikidata:P1622:ZZ", "unknown country"),
        ("wikidata:P38:AR", "no English label"),
        ("wikidata:P474:AR", "no English label"),
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>Too many requests", "has no JSON"),
        ("[]", "has no usable object in its data"),
        (
            '{"results": {"bindings": [{"code": {"value": "NL"}}]}}',
            "has no results.bindings.0.property in its data",
        ),
        (
            '{"results": {"bindings": [{"property": {"value": "P1"}, "code": {"value": "NL"},'
            ' "item": {"value": "http://www.wikidata.org/entity/Q55"}, "value": {"value": "x"}}]}}',
            "has no known property 'P1'",
        ),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], body: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("wikidata").parse(saved_page(body)))
