"""Learnable Meta: a page a map, whose metas are an object literal inside the page's script.

A meta has a name ("Country - thing"), a note in HTML, pictures and a footer that thanks the
pictures' sources. The site is made with SvelteKit, which writes the page's data as JavaScript
(`metaList:[{id:1,name:"..."}]`), not as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from pydantic import BaseModel

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import address, checked, sections
from scrapers.source import Passage, html_links, missing, soup
from scrapers.text.places import countries_in

START = "https://learnablemeta.com/maps"
_LIST = re.compile(r"\bmetaList:(?=\[)")
_KEY_OR_STRING = re.compile(r'("(?:\\.|[^"\\])*")|([A-Za-z_$][\w$]*)(?=\s*:)|\bvoid 0\b')
_MAP = re.compile(r"/maps/[0-9a-f]{24}/?$")
_EXAMPLE = 'metaList:[{id:1,name:"Japan - Bollard",note:"...",images:[]}]'


class _Meta(BaseModel):
    name: str
    note: str
    images: list[str]


@register("clue_source", "learnablemeta")
class LearnableMeta:
    """Learnable Meta's maps, or a copy of the list of them at the address given."""

    def __init__(self, argument: str | None = None) -> None:
        self.start_url = argument or START

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The list of maps."""
        return nullcontext((self.start_url,))

    def follows(self, url: str) -> bool:
        """The list of maps, its further pages, and the maps."""
        path = urlsplit(url).path
        return bool(_MAP.search(path)) or path == urlsplit(self.start_url).path

    def links(self, page: Page) -> Iterator[str]:
        """Every link of the page."""
        return html_links(page)

    def parse(self, page: Page) -> Iterator[Passage]:
        """The texts of a map's notes; the list of maps has none."""
        if not _MAP.search(urlsplit(page.url).path):
            return
        tree = soup(page)
        url = address(page, tree)
        for meta in _metas(page, "".join(script.string or "" for script in tree("script"))):
            place, _, thing = meta.name.rpartition(" - ")
            picture = urljoin(url, meta.images[0]) if meta.images else None
            for section in sections(BeautifulSoup(meta.note, "lxml"), url):
                for text in section.texts:
                    yield Passage(text, url, None, countries_in(place), thing, picture)


def _metas(page: Page, script: str) -> list[_Meta]:
    """The list of metas in a page's script. Raises `InputError` where it is not there."""
    start = _LIST.search(script)
    if start is None:
        raise missing(page, "list of metas", _EXAMPLE)
    literal = _KEY_OR_STRING.sub(_as_json, script[start.end() :])
    try:
        found, _ = json.JSONDecoder().raw_decode(literal)
    except ValueError:
        raise missing(page, "readable list of metas", _EXAMPLE) from None
    return checked(page, list[_Meta], found, _EXAMPLE)


def _as_json(match: re.Match[str]) -> str:
    string, key = match.groups()
    return string or (f'"{key}"' if key else "null")
