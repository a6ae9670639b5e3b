"""Wikidata's facts about countries, one SPARQL request a property, as sentences of ours.

Asked for are statements of the best rank (so none that is deprecated) whose end has not come, of
items with an ISO 3166-1 code that still exist. A country's values of one property make one
sentence; a country with two driving sides makes none, and is refused. P41, the picture of the
flag, says nothing in words and has a licence of its own: the flag's colours (P163, P462) are read.
Facts and sentences are CC0; a clue's address is the country's item.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from urllib.parse import urlencode

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import json_of
from scrapers.source import Passage, Refused, missing
from scrapers.text.places import gazetteer

START = "https://query.wikidata.org/sparql"
TERMS = "https://www.mediawiki.org/wiki/Wikidata_Query_Service/User_Manual"
LICENSE = "CC0-1.0"
_EXAMPLE = '{"results": {"bindings": [{"property": ..., "code": ..., "item": ..., "value": ...}]}}'
_NO_LABEL = re.compile(r"Q\d+$")
_ITEM = re.compile(r"https?://www\.wikidata\.org/(?:entity|wiki)/(Q\d+)$")

_QUERY = """SELECT DISTINCT ?property ?item ?code ?value WHERE {{
  BIND("{name}" AS ?property)
  ?item p:P297 ?coded . ?coded ps:P297 ?code ; a wikibase:BestRank .
  FILTER NOT EXISTS {{ ?coded pq:P582 ?codeEnded . }}
  FILTER NOT EXISTS {{ ?item wdt:P576 ?dissolved . }}
  ?item p:{property} ?stated . ?stated ps:{property} ?object ; a wikibase:BestRank .
  FILTER NOT EXISTS {{ ?stated pq:P582 ?ended . FILTER(?ended <= NOW()) }}
  FILTER(!wikibase:isSomeValue(?object))
  {value}
}} ORDER BY ?code ?value"""
_LITERAL = "BIND(?object AS ?value)"
_LABEL = 'SERVICE wikibase:label {{ bd:serviceParam wikibase:language "en,mul". {}}}'


@dataclass(frozen=True)
class Fact:
    """A property: how its value is asked for and said. `many` replaces `one` for several values."""

    property: str
    category: str
    value: str
    one: str
    many: str | None
    joined: str = "and"


FACTS = {
    "P1622": Fact(
        "P1622", "driving_side", _LABEL.format("?object rdfs:label ?value . "),
        "Traffic in {country} keeps to the {values}.", None,
    ),
    "P37": Fact(
        "P37", "language", _LABEL.format("?object rdfs:label ?value . "),
        "The official language of {country} is {values}.",
        "The official languages of {country} are {values}.",
    ),
    "P282": Fact(
        "P37", "script", "?object wdt:P282 ?script . "
        + _LABEL.format("?script rdfs:label ?value . "),
        "What is written in an official language of {country} uses the {values}.",
        "What is written in the official languages of {country} uses the {values}.",
    ),
    "P78": Fact(
        "P78", "domain", _LABEL.format("?object rdfs:label ?value . "),
        "Web addresses in {country} end in {values}.",
        "Web addresses in {country} end in {values}.", "or",
    ),
    "P474": Fact(
        "P474", "calling_code", _LITERAL,
        "Phone numbers in {country} that are written in full begin with {values}.",
        "Phone numbers in {country} that are written in full begin with {values}.", "or",
    ),
    "P395": Fact(
        "P395", "plate", _LITERAL,
        "The international plate code of cars from {country} is {values}.",
        "The international plate codes of cars from {country} are {values}.",
    ),
    "P38": Fact(
        "P38", "currency", _LABEL.format("?object rdfs:label ?value . "),
        "Prices in {country} are in {values}.", "Prices in {country} are in {values}.", "or",
    ),
    "P462": Fact(
        "P163", "flag", "?object wdt:P462 ?colour . "
        + _LABEL.format("?colour rdfs:label ?value . "),
        "The flag of {country} is {values}.", "The flag of {country} shows {values}.",
    ),
}  # fmt: skip


@register("clue_source", "wikidata")
class Wikidata:
    """Wikidata's query service, or another SPARQL endpoint with its data."""

    def __init__(self, argument: str | None = None) -> None:
        self.endpoint = argument or START
        self.documented_api = (self.endpoint, TERMS)

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """One request for each fact."""
        return nullcontext(tuple(self._request(name, fact) for name, fact in FACTS.items()))

    def links(self, page: Page) -> Iterator[str]:
        """None: an answer is whole."""
        return iter(())

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """A sentence for each country of an answer."""
        answer = json_of(page, _EXAMPLE)
        try:
            rows = [
                {key: str(cell["value"]) for key, cell in row.items()}
                for row in answer["results"]["bindings"]
            ]
            found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
            for row in rows:
                found[row["property"], row["code"]].setdefault(row["value"], row["item"])
        except (KeyError, TypeError, AttributeError):
            raise missing(page, "SPARQL results", _EXAMPLE) from None
        for (name, code), values in found.items():
            if name not in FACTS:
                raise missing(page, f"known property {name!r}", f"one of {', '.join(FACTS)}")
            yield _said(name, code, values)

    def _request(self, name: str, fact: Fact) -> str:
        query = _QUERY.format(name=name, property=fact.property, value=fact.value)
        return f"{self.endpoint}?{urlencode({'format': 'json', 'query': query})}"


def _said(name: str, code: str, values: dict[str, str]) -> Passage | Refused:
    """The sentence of a country's values (each with the item that states it)."""
    fact, key = FACTS[name], f"wikidata:{name}:{code}"
    if code not in gazetteer().countries():
        return Refused(key, "unknown country", f"code {code!r} is not one of ISO 3166-1")
    labels = sorted(value for value in values if not _NO_LABEL.match(value))
    if not labels:
        return Refused(key, "no English label", ", ".join(values))
    if len(labels) > 1 and fact.many is None:
        return Refused(key, "contradiction", f"{fact.category}: {' and '.join(labels)}")
    item = _ITEM.match(min(values.values()))
    if item is None:
        return Refused(key, "no item", f"{min(values.values())!r} is no item of Wikidata")
    *rest, last = labels
    listed = f"{', '.join(rest)} {fact.joined} {last}" if rest else last
    template = fact.many if rest and fact.many else fact.one
    return Passage(
        template.format(country=_with_article(code), values=listed),
        f"https://www.wikidata.org/wiki/{item[1]}",
        LICENSE,
        countries=(code,),
        category=fact.category,
    )


_THE = frozenset(
    ("AE", "AX", "BS", "CC", "CD", "CF", "CG", "CK", "DO", "FK", "FO", "GB", "GM", "IM", "IO", "KM",
     "KY", "MH", "MP", "MV", "NL", "PH", "PS", "SB", "SC", "TC", "TF", "UM", "US", "VA", "VG", "VI")
)  # fmt: skip


def _with_article(code: str) -> str:
    """A country as English says it within a sentence ("the Netherlands")."""
    name = gazetteer().name(code).strip()
    return f"the {name}" if code in _THE else name
