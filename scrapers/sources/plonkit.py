"""Plonk It's guide: one page a country, whose tips are JSON inside the page.

The guide's page lists the countries (`data`: title, slug, code); a country's page holds steps with
items, of which the tips and texts have paragraphs in Markdown, tags and a picture. The site's
robots.txt is reported to forbid crawling and its content signal to forbid training: the spider
then ends with that word, and the parser serves pages that somebody has leave to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urljoin

from pydantic import BaseModel

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import address, checked, embedded_json, markdown_text
from scrapers.source import Passage, soup
from scrapers.text.names import gazetteer

START = "https://www.plonkit.net/guide"
LICENSE = "CC BY-NC-SA 4.0"
_DATA = "script#__PRELOADED_DATA__"
_WITH_TEXT = frozenset({"tip", "centeredText"})
_EXAMPLE = '{"data": {"public": {"code": "JP", "steps": [{"items": [...]}]}}}'


class _Entry(BaseModel):
    code: str = ""
    slug: str | None = None


class _Image(BaseModel):
    imageUrl: str | None = None


class _Tip(BaseModel):
    text: str | list[str]
    image: _Image | None = None


class _Item(BaseModel, extra="allow"):
    kind: str | None = None
    data: dict[str, Any] | None = None
    tags: list[str] | None = None


class _Step(BaseModel):
    title: str | None = None
    items: list[_Item] = []


class _Guide(BaseModel):
    code: str = ""
    title: str = ""
    steps: list[_Step]


class _Public(BaseModel):
    public: _Guide


class _Page(BaseModel):
    data: _Public


@register("clue_source", "plonkit")
class PlonkIt:
    """The Plonk It guide, or a copy of it at the address given."""

    def __init__(self, argument: str | None = None) -> None:
        self.start_url = argument or START

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The page that lists the countries."""
        return nullcontext((self.start_url,))

    def links(self, page: Page) -> Iterator[str]:
        """The pages of the countries; those about playing (code XX-...) are left out."""
        data = _data(page)
        for entry in data if isinstance(data, list) else ():
            if _country(entry.code) and entry.slug:
                yield urljoin(page.url, f"/{entry.slug}")

    def parse(self, page: Page) -> Iterator[Passage]:
        """The paragraphs of a country's tips; the list of countries has none."""
        data = _data(page)
        if isinstance(data, list):
            return
        guide, url = data.public, address(page, soup(page))
        country = _country(guide.code)
        for step in guide.steps:
            for item in step.items:
                if item.kind not in _WITH_TEXT:
                    continue
                tip = checked(page, _Tip, item.data or item.model_dump(), _EXAMPLE)
                picture = tip.image.imageUrl if tip.image else None
                for paragraph in [tip.text] if isinstance(tip.text, str) else tip.text:
                    if not (text := markdown_text(paragraph)):
                        continue
                    yield Passage(
                        text=text,
                        source_url=url,
                        license=LICENSE,
                        page_countries=(country,) if country else (),
                        topic=next(iter(item.tags or ()), step.title),
                        image_url=urljoin(url, picture) if picture else None,
                        regions=(guide.title,) if "-" in guide.code else (),
                    )


def _data(page: Page) -> list[_Entry] | _Public:
    """What the page is made of: the list of countries, or a country's guide."""
    content = embedded_json(page, _DATA)
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        return checked(page, list[_Entry], content["data"], _EXAMPLE)
    return checked(page, _Page, content, _EXAMPLE).data


def _country(code: str) -> str | None:
    """The ISO code of `JP` or `US-AK`; None for `XX-BEGINNERS`."""
    country = code.partition("-")[0].upper()
    return country if country in gazetteer().countries() else None
