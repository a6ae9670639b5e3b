"""The clue pages of ClueWorld: `h2` country, `h4` topic, sentences in paragraphs and lists.

Without an argument the committed site is served on loopback and crawled like any other; with one
(`clueworld:URL`) another copy of it is. Every page carries its lasting address (canonical link),
its licence (`rel="license"` in the footer) and the word that it is synthetic. A section's topic is
the kind of clue, and with it the ADE20K class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

from georeasoner.licences import stated
from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import image_of
from scrapers.source import Passage, html_links, missing, soup
from scrapers.text.places import countries_in

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag


@register("clue_source", "clueworld")
class ClueWorldPages:
    """ClueWorld's community site, invented and CC0."""

    def __init__(self, argument: str | None = None) -> None:
        self.start_url = argument

    def start_urls(self) -> AbstractContextManager[Sequence[str]]:
        """The address given, or that of the committed site for as long as the block lasts."""
        if self.start_url:
            return nullcontext((self.start_url,))
        from scrapers.clueworld_site import serve_site

        return serve_site()

    def links(self, page: Page) -> Iterator[str]:
        """Every link of the page."""
        return html_links(page)

    def parse(self, page: Page) -> Iterator[Passage]:
        """The passages of a page; pages without topics (the index) have none."""
        tree = soup(page)
        url, license_name = _address(tree, page), _license(tree, page)
        main = tree.find("main")
        if main is None:
            raise missing(page, "<main>", "the text of the page")
        country: tuple[str, ...] = ()
        topic: str | None = None
        image_url: str | None = None
        for part in main.find_all(["h2", "h4", "figure", "p", "li"]):
            if part.name == "h2":
                country, topic = countries_in(part.get_text(" ", strip=True)), None
            elif part.name == "h4":
                topic, image_url = _topic(part, page), None
            elif part.name == "figure":
                image_url = _image(part, page, url)
            elif topic:
                yield Passage(
                    text=_own_text(part),
                    source_url=url,
                    license=license_name,
                    page_countries=country,
                    topic=topic,
                    image_url=image_url,
                    synthetic=True,
                    category=topic,
                    ade20k_classes=(_classes()[topic],),
                )


def _address(tree: BeautifulSoup, page: Page) -> str:
    link = tree.select_one('link[rel="canonical"][href]')
    if link is None:
        raise missing(page, "canonical link", '<link rel="canonical" href="...">')
    return str(link["href"])


def _license(tree: BeautifulSoup, page: Page) -> str:
    link = tree.select_one('footer a[rel="license"]')
    if link is None:
        raise missing(page, "licence in its footer", '<a rel="license" href="...">CC0 1.0</a>')
    name = stated(link.get_text(" ", strip=True), str(link.get("href", "")))
    if name is None:
        raise missing(page, "words in the link to its licence", "CC0 1.0")
    return name


def _topic(heading: Tag, page: Page) -> str:
    name = heading.get_text(" ", strip=True).lower().replace(" ", "_")
    if name not in _classes():
        raise missing(page, f"known topic {name!r}", f"one of {', '.join(sorted(_classes()))}")
    return name


def _image(figure: Tag, page: Page, url: str) -> str:
    image = figure.find("img")
    address = image_of(image, url) if image else None
    if address is None:
        raise missing(page, "image in a <figure>", '<img data-src="...">')
    return address


def _own_text(part: Tag) -> str:
    """The text of a paragraph or list item, without that of lists inside it."""
    words = [text for text in part.find_all(string=True) if text.find_parent(["p", "li"]) is part]
    return " ".join("".join(words).split())


@cache
def _classes() -> dict[str, str]:
    """ADE20K class by the name of the kind of clue."""
    from georeasoner.clueworld import World

    return {kind.name: kind.ade20k for kind in World.load().kinds}
