"""GeoHints: a page for each kind of thing, with cards of country and picture.

Most cards explain nothing, and a clue is a sentence: a card without words of its own is refused
with that reason, one with words gives them. So are the cards of the value pages (domains, phone
codes, driving sides): a value is no sentence, and the same facts come openly licensed from
Wikidata. A card is the smallest part of the page that holds one bold `span`, the country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

from bs4 import Tag

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import address, sections, text_of
from scrapers.source import Passage, Refused, html_links, missing, soup
from scrapers.text.places import countries_in

START = "https://geohints.com/"
_COUNTRY = "span.font-bold"
_PAGES = "/meta/"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_FEWEST_WORDS = 4
"""Fewer words than this are a value or a label (".cl", "+56", "Since 2015")."""


@register("clue_source", "geohints")
class GeoHints:
    """GeoHints, or a copy of it at the address given."""

    def __init__(self, argument: str | None = None) -> None:
        self.start_url = argument or START

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The front page."""
        return nullcontext((self.start_url,))

    def follows(self, url: str) -> bool:
        """The pages of kinds of things only."""
        return _PAGES in urlsplit(url).path

    def links(self, page: Page) -> Iterator[str]:
        """Every link of the page."""
        return html_links(page)

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """The words on the cards of a page under /meta/; other pages have no cards."""
        if not self.follows(page.url):
            return
        tree = soup(page)
        url = address(page, tree)
        names = tree.select(_COUNTRY)
        if not names:
            raise missing(page, "card", f'<span class="font-bold">Japan</span> ({_COUNTRY})')
        cards = [(name, _smallest_card(name)) for name in names]  # before any is taken apart
        for number, (name, card) in enumerate(cards, 1):
            yield from _card(name, card, f"{url}#{number}", url)


def _card(name: Tag, card: Tag, key: str, url: str) -> Iterator[Passage | Refused]:
    country, topic = text_of(name), _topic(url)
    for part in (name, *card.select("a")):  # the way to Google Maps
        part.extract()
    found = list(sections(card, url, loose=True))
    picture = next((section.image for section in found if section.image), None)
    texts = [text for section in found for text in section.texts]
    sentences = [text for text in texts if len(text.split()) >= _FEWEST_WORDS]
    if not sentences:
        yield Refused(key, "no sentence", f"{topic}: {' '.join((country, *texts))}")
    for text in sentences:
        yield Passage(text, url, None, countries_in(country), topic, picture)


def _smallest_card(name: Tag) -> Tag:
    """The largest part around a country's name that holds no other's."""
    card = name
    for parent in name.parents:
        if parent.name in ("body", "main", "html") or len(parent.select(_COUNTRY)) != 1:
            break
        card = parent
    return card


def _topic(url: str) -> str:
    """`/meta/signs/speedLimits` is "signs speed limits"."""
    path = urlsplit(url).path.partition(_PAGES)[2].strip("/").replace("/", " ")
    return _CAPITAL.sub(" ", path).lower()
