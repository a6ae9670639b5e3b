"""Plonk It's guide: one page a country, whose tips are JSON inside the page.

The guide's page lists the countries (`data`: title, slug, code); a country's page holds steps with
items, of which the tips and texts have paragraphs in Markdown, tags and a picture. The site's
robots.txt is reported to forbid crawling and its content signal to forbid training: the spider
then ends with that word, and the parser serves pages that somebody has leave to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urljoin

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import address, embedded_json
from scrapers.source import Passage, missing, soup
from scrapers.text.places import gazetteer

START = "https://www.plonkit.net/guide"
LICENSE = "CC BY-NC-SA 4.0"
_DATA = "script#__PRELOADED_DATA__"
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*\*|__|`|^#+\s+|^[*-]\s+", re.MULTILINE)
_WITH_TEXT = frozenset({"tip", "centeredText"})


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
        for entry in self._listed(embedded_json(page, _DATA)):
            if _country(entry) and isinstance(entry.get("slug"), str):
                yield urljoin(page.url, f"/{entry['slug']}")

    def parse(self, page: Page) -> Iterator[Passage]:
        """The paragraphs of a country's tips; the list of countries has none."""
        content = embedded_json(page, _DATA)
        if self._listed(content):
            return
        data = content.get("data") if isinstance(content, dict) else None
        guide = data.get("public") if isinstance(data, dict) else None
        if not isinstance(guide, dict) or not isinstance(guide.get("steps"), list):
            raise missing(
                page, "guide in its preloaded data", '{"data": {"public": {"steps": []}}}'
            )
        url, country = address(page, soup(page)), _country(guide)
        region = str(guide.get("title", "")) if "-" in str(guide.get("code")) else None
        for step in guide["steps"]:
            for item in step.get("items", []):
                if item.get("kind") not in _WITH_TEXT:
                    continue
                tip = item.get("data", item)
                if "text" not in tip:
                    raise missing(page, "text in a tip", '{"kind": "tip", "data": {"text": []}}')
                for text in _paragraphs(tip["text"]):
                    yield Passage(
                        text=text,
                        source_url=url,
                        license=LICENSE,
                        page_countries=(country,) if country else (),
                        topic=next(iter(item.get("tags") or ()), step.get("title")),
                        image_url=_image(tip, url),
                        regions=(region,) if region else (),
                    )

    def _listed(self, content: Any) -> list[dict[str, Any]]:
        data = content.get("data") if isinstance(content, dict) else None
        return [e for e in data if isinstance(e, dict)] if isinstance(data, list) else []


def _country(entry: dict[str, Any]) -> str | None:
    """The ISO code of an entry such as `JP` or `US-AK`; None for `XX-BEGINNERS`."""
    code = str(entry.get("code", "")).partition("-")[0].upper()
    return code if code in gazetteer().countries() else None


def _paragraphs(text: str | list[str]) -> Iterator[str]:
    """The paragraphs as a reader sees them: without the marks of Markdown."""
    for paragraph in [text] if isinstance(text, str) else text:
        seen = _MARKS.sub("", _LINK.sub(r"\1", paragraph))
        if words := " ".join(seen.split()):
            yield words


def _image(tip: dict[str, Any], url: str) -> str | None:
    image = tip.get("image") or {}
    return urljoin(url, image["imageUrl"]) if image.get("imageUrl") else None
