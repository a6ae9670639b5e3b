"""GeoTips: six pages, one a continent; `h2` country, `h4` topic, text and lazy pictures.

What stands under a heading that names no country (how the page is to be read, what a continent
shares) counts for the countries that its sentences name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urljoin

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import address, sections
from scrapers.source import Passage, missing, soup
from scrapers.text.places import countries_in

START = "https://geotips.net/"
CONTINENTS = ("africa", "asia", "europe", "north-america", "oceania", "south-america")


@register("clue_source", "geotips")
class GeoTips:
    """The six pages, or those under the address given."""

    def __init__(self, argument: str | None = None) -> None:
        self.base = argument or START

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The pages of the continents."""
        return nullcontext(tuple(urljoin(self.base, f"{name}/") for name in CONTINENTS))

    def links(self, page: Page) -> Iterator[str]:
        """None: the six pages hold everything."""
        return iter(())

    def parse(self, page: Page) -> Iterator[Passage]:
        """The texts under the topics of a continent's countries."""
        tree = soup(page)
        url = address(page, tree)
        found = list(sections(tree.find("main") or tree, page.url))
        if not any(2 in s.headings and countries_in(s.headings[2]) for s in found):
            raise missing(page, "country", "<h2>Japan</h2>")
        if not any({2, 4} <= s.headings.keys() for s in found):
            raise missing(page, "topic under a country", "<h4>Bollards</h4>")
        for section in found:
            for text in section.texts:
                if 2 in section.headings:
                    yield Passage(
                        text,
                        url,
                        license=None,
                        page_countries=countries_in(section.headings[2]),
                        topic=section.headings.get(4),
                        image_url=section.image,
                    )
