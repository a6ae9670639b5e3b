"""Wikipedia and Wikivoyage through the MediaWiki API, one request a page, JSON answers.

Wikipedia: every article "Vehicle registration plates of ..." and "Road signs in ...", as the wiki
lists them. Wikivoyage: the articles of the countries, of which the sections on getting around, on
language and on the land are read. Both are CC BY-SA 4.0; a passage's address is that of the very
revision, whose history names the authors. Pictures have licences of their own, which the text's
does not cover, so none is referenced. Answers carry `maxlag`, by which a busy server may refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from bs4 import BeautifulSoup
from pydantic import BaseModel, Field

from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.markup import json_of, sections
from scrapers.source import Passage, Refused, missing
from scrapers.text.names import gazetteer
from scrapers.text.places import countries_in

LICENSE = "CC BY-SA 4.0"
TERMS = "https://www.mediawiki.org/wiki/API:Etiquette"
_WIKIMEDIA = (".wikipedia.org", ".wikivoyage.org")
_EVERY = {"format": "json", "formatversion": "2", "maxlag": "5"}
_NOT_ARTICLE = (
    ".mw-editsection, sup.reference, .navbox, .hatnote, .metadata, .infobox, figure, .thumb, "
    ".gallery, .reflist, .mw-references-wrap, .toc, .noprint, math, style"
)
_APPENDICES = frozenset(
    {"references", "external links", "see also", "notes", "further reading", "sources", "gallery"}
)


_EXAMPLE = '{"parse": {"title": "Road signs in Norway", "revid": 1, "text": "<p>..."}}'


class _Title(BaseModel):
    title: str


class _Query(BaseModel):
    allpages: list[_Title]


class _Article(BaseModel):
    title: str
    revid: int
    text: str


class _Error(BaseModel):
    code: str
    info: str = ""


class _Answer(BaseModel):
    parse: _Article | None = None
    query: _Query | None = None
    error: _Error | None = None
    further: dict[str, str] | None = Field(None, alias="continue")


class MediaWiki:
    """A wiki's articles; the argument is the address of another api.php."""

    api = ""
    prefixes: tuple[str, ...] = ()
    """Read are the articles whose title begins with one of these ..."""
    countries = False
    """... or, if this is true, those named like a country."""
    only: frozenset[str] = frozenset()
    """The sections (level 2, lower case) that are read; all but the appendices if empty."""

    def __init__(self, argument: str | None = None) -> None:
        self.api = argument or self.api
        host = urlsplit(self.api).hostname or ""
        self.api_terms = TERMS if host.endswith(_WIKIMEDIA) else None

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The requests for lists of titles and for the countries' articles."""
        lists = (self._list({"apprefix": prefix}) for prefix in self.prefixes)
        codes = gazetteer().countries() if self.countries else ()
        articles = (self._article(gazetteer().name(code)) for code in codes)
        return nullcontext((*lists, *articles))

    def links(self, page: Page) -> Iterator[str]:
        """The articles that an answer lists, and the request for the rest of the list."""
        answer = json_of(page, _Answer, _EXAMPLE)
        for entry in answer.query.allpages if answer.query else ():
            yield self._article(entry.title)
        if answer.further:
            asked = dict(parse_qsl(urlsplit(page.url).query))
            yield self._list({"apprefix": asked.get("apprefix", ""), **answer.further})

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """The passages of an article; lists of titles have none, absent articles are refused."""
        answer = json_of(page, _Answer, _EXAMPLE)
        if answer.error:
            code = answer.error.code
            yield Refused(f"{page.url}#{code}", f"wiki: {code}", answer.error.info)
        elif answer.parse:
            yield from self._passages(page, answer.parse)
        elif not answer.query:
            raise missing(page, "answer of the MediaWiki API", _EXAMPLE)

    def _passages(self, page: Page, article: _Article) -> Iterator[Passage]:
        revision = urlencode({"title": article.title, "oldid": article.revid})
        tree = BeautifulSoup(article.text, "lxml")
        for tag in tree.select(_NOT_ARTICLE):
            tag.decompose()
        for section in sections(tree, page.url):
            chapter = section.headings.get(2, "").lower()
            if chapter in _APPENDICES or (self.only and chapter not in self.only):
                continue
            for text in section.texts:
                yield Passage(
                    text,
                    urljoin(self.api, f"index.php?{revision}"),
                    LICENSE,
                    page_countries=section.countries or countries_in(article.title),
                    topic=section.topic or article.title,
                )

    def _list(self, arguments: dict[str, str]) -> str:
        query = {"action": "query", "list": "allpages", "apfilterredir": "nonredirects"}
        return f"{self.api}?{urlencode(query | {'aplimit': 'max'} | _EVERY | arguments)}"

    def _article(self, title: str) -> str:
        query = {"action": "parse", "page": title, "prop": "text|revid", "redirects": "1"}
        return f"{self.api}?{urlencode(query | {'disableeditsection': '1'} | _EVERY)}"


@register("clue_source", "wikipedia")
class Wikipedia(MediaWiki):
    """The English Wikipedia's articles on plates and signs."""

    api = "https://en.wikipedia.org/w/api.php"
    prefixes = ("Vehicle registration plates of ", "Road signs in ")


@register("clue_source", "wikivoyage")
class Wikivoyage(MediaWiki):
    """The English Wikivoyage's articles on countries."""

    api = "https://en.wikivoyage.org/w/api.php"
    countries = True
    only = frozenset({"get around", "talk", "understand", "buy"})
