"""Wikidata's facts about countries, one SPARQL request a property, as sentences of ours.

Asked for are statements of the best rank (so none that is deprecated) whose end has not come, of
items with an ISO 3166-1 code that still exist. A country's values of one property make one
sentence; a country with two driving sides makes none, and is refused; of two items with one code
the older counts (the Netherlands, not their kingdom). P41, the picture of the flag, says nothing in
words and has a licence of its own: the flag's colours (P163, P462) are read. Facts and sentences
are CC0; a clue's address is the country's item.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from pydantic import BaseModel

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import json_of
from scrapers.source import Passage, Refused, missing
from scrapers.text.names import gazetteer

START = "https://query.wikidata.org/sparql"
TERMS = "https://www.mediawiki.org/wiki/Wikidata_Query_Service/User_Manual"
LICENSE = "CC0-1.0"
_EXAMPLE = '{"results": {"bindings": [{"property": ..., "code": ..., "item": ..., "value": ...}]}}'
_ITEM = re.compile(r"https?://www\.wikidata\.org/entity/Q(\d+)$")

_QUERY = """PREFIX wdt: <http://www.wikidata.org/prop/direct/>
PREFIX p: <http://www.wikidata.org/prop/>
PREFIX ps: <http://www.wikidata.org/prop/statement/>
PREFIX pq: <http://www.wikidata.org/prop/qualifier/>
PREFIX wikibase: <http://wikiba.se/ontology#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT DISTINCT ?property ?item ?code ?value WHERE {{
  BIND("{name}" AS ?property)
  ?item p:P297 ?coded . ?coded ps:P297 ?code ; a wikibase:BestRank .
  FILTER NOT EXISTS {{ ?coded pq:P582 ?codeEnded . }}
  FILTER NOT EXISTS {{ ?item wdt:P576 ?dissolved . }}
  ?item p:{property} ?stated . ?stated ps:{property} {object} ; a wikibase:BestRank .
  FILTER NOT EXISTS {{ ?stated pq:P582 ?ended . FILTER(?ended <= NOW()) }}
  OPTIONAL {{ ?said rdfs:label ?english . FILTER(LANG(?english) = "en") }}
  OPTIONAL {{ ?said rdfs:label ?anyLanguage . FILTER(LANG(?anyLanguage) = "mul") }}
  BIND(STR(COALESCE(?english, ?anyLanguage, ?said)) AS ?value)
}} ORDER BY ?code ?value"""


@dataclass(frozen=True)
class Fact:
    """What is asked for and how it is said: an entry of `wikidata.yaml`."""

    property: str
    category: str
    one: str
    many: str | None = None
    joined: str = "and"
    object: str = "?said"


class _Cell(BaseModel):
    value: str


class _Row(BaseModel):
    property: _Cell
    code: _Cell
    item: _Cell
    value: _Cell


class _Results(BaseModel):
    bindings: list[_Row]


class _Answer(BaseModel):
    results: _Results


@cache
def facts() -> dict[str, Fact]:
    """By name."""
    import yaml

    entries = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {name: Fact(**({"property": name} | entry)) for name, entry in entries.items()}


@register("clue_source", "wikidata")
class Wikidata:
    """Wikidata's query service, or another SPARQL endpoint with its data."""

    def __init__(self, argument: str | None = None) -> None:
        self.endpoint = argument or START
        self.api_terms = TERMS if self.endpoint == START else None

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """One request for each fact."""
        return nullcontext(tuple(self._request(name, fact) for name, fact in facts().items()))

    def links(self, page: Page) -> Iterator[str]:
        """None: an answer is whole."""
        return iter(())

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """A sentence for each country of an answer."""
        found: dict[tuple[str, str], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in json_of(page, _Answer, _EXAMPLE).results.bindings:
            item = _ITEM.match(row.item.value)
            if item is None:
                raise missing(page, f"item of Wikidata at {row.item.value!r}", _EXAMPLE)
            found[row.property.value, row.code.value][int(item[1])].add(row.value.value)
        for (name, code), stated in found.items():
            if name not in facts():
                raise missing(page, f"known property {name!r}", f"one of {', '.join(facts())}")
            oldest = min(stated)
            yield _said(name, code, oldest, stated[oldest])

    def _request(self, name: str, fact: Fact) -> str:
        query = _QUERY.format(name=name, property=fact.property, object=fact.object)
        return f"{self.endpoint}?{urlencode({'format': 'json', 'query': query})}"


def _said(name: str, code: str, item: int, values: set[str]) -> Passage | Refused:
    """The sentence of a country's values."""
    fact, key = facts()[name], f"wikidata:{name}:{code}"
    if code not in gazetteer().countries():
        return Refused(key, "unknown country", f"code {code!r} is not one of ISO 3166-1")
    labels = sorted(value for value in values if "://" not in value)
    if not labels:
        return Refused(key, "no English label", ", ".join(sorted(values)))
    if len(labels) > 1 and fact.many is None:
        return Refused(key, "contradiction", f"{fact.category}: {' and '.join(labels)}")
    *rest, last = labels
    listed = f"{', '.join(rest)} {fact.joined} {last}" if rest else last
    template = fact.many if rest and fact.many else fact.one
    return Passage(
        template.format(country=gazetteer().name_in_text(code), values=listed),
        f"https://www.wikidata.org/wiki/Q{item}",
        LICENSE,
        countries=(code,),
        category=fact.category,
    )
