"""What a clue source is: where its pages come from, and how to read one page.

A source is one file in `scrapers/sources/` with one class under
`@register("clue_source", NAME)`. What follows NAME and a colon on the command line reaches the
class as its argument, so `clueworld:http://127.0.0.1:8000/` reads another copy of the site. A
`SiteSource` is crawled, a `FileSource` brings its pages itself; both only say what stands on a
page: sentences, places and topics are read from it by `scrapers.text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import urljoin

from georeasoner import registry
from georeasoner.errors import InputError
from scrapers.fetch.pages import Page

if TYPE_CHECKING:
    from bs4 import BeautifulSoup


@dataclass(frozen=True)
class Passage:
    """A piece of a page's text that belongs together, and what the page says about it.

    `text` is verbatim, with white space collapsed, and may hold several sentences; `source_url` is
    the page's lasting address (its canonical link where it has one). `page_countries` is what the
    page or section is about: it counts for the sentences that name no place. `topic` is the
    source's own heading or tag.

    A source that knows more than its text says sets `countries` (the text is then one sentence and
    is not searched for places), `category`, `regions` and `ade20k_classes`.
    """

    text: str
    source_url: str
    license: str | None
    page_countries: tuple[str, ...] = ()
    topic: str | None = None
    image_url: str | None = None
    synthetic: bool = False
    countries: tuple[str, ...] | None = None
    category: str | None = None
    regions: tuple[str, ...] = ()
    ade20k_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A piece of a page that cannot be a passage; it becomes a row of `rejects`."""

    input_id: str
    reason: str
    detail: str


class ClueSource(Protocol):
    """What all sources do; the class takes the argument of `NAME:ARGUMENT`, or None."""

    def __init__(self, argument: str | None = None) -> None: ...

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """The passages of one saved page.

        Raises `InputError` naming the missing piece when the page has not the structure that
        the source is known for.
        """
        ...


@runtime_checkable
class SiteSource(ClueSource, Protocol):
    """A source whose pages the spider fetches: HTML, JSON or other text.

    It may also define

        request_headers(self, url: str) -> Mapping[str, str]
            Headers for the request of that URL, such as `Authorization` with a key from the
            environment. They are asked for anew at every redirect, and neither kept nor logged.
        follows(self, url: str) -> bool
            Whether a link that `links` gave is one of the source's pages, where this can be said
            once for all pages: to keep to a path, say. It is not asked about the start URLs.
        api_terms: str | None
            Where the terms stand under which the site offers its API to programs; None for copies
            elsewhere. robots.txt, which speaks to crawlers of pages, then forbids nothing of it;
            that it can be read, its delay and its word on training still count, every clue's
            `rights` names the terms, and the user agent must name a contact.
    """

    def start_urls(self) -> AbstractContextManager[Sequence[str]]:
        """The URLs to start from, reachable while the context is open.

        The spider keeps to their sites; each site's robots.txt counts for that site.
        """
        ...

    def links(self, page: Page) -> Iterator[str]:
        """Absolute URLs to follow from a page; those of other sites are left out, and counted.

        May raise `InputError` as `parse` does, which then says it: the page leads nowhere.
        """
        ...


@runtime_checkable
class FileSource(ClueSource, Protocol):
    """A source whose pages are at hand: files of the user's or of this package.

    A page without the structure of the source is an error, unless the source sets

        strict: bool
            False where the pages are many and independent: such a page is then a reject, and an
            error only if no page is usable, as in a crawl.
    """

    def pages(self) -> Iterator[Page]:
        """The pages, whole. Raises `InputError` for a file that cannot be read."""
        ...


@runtime_checkable
class VersionedSource(Protocol):
    """A source that knows the version of what it gives; the run's provenance carries it."""

    version: str


def open_source(spec: str) -> SiteSource | FileSource:
    """The source that `NAME` or `NAME:ARGUMENT` speaks of. Raises `UnknownNameError`."""
    name, _, argument = spec.partition(":")
    source: SiteSource | FileSource = registry.get("clue_source", name)(argument or None)
    return source


def request_headers(source: SiteSource, url: str) -> Mapping[str, str]:
    """The headers that the source wants in a request; none where it does not say."""
    asked = getattr(source, "request_headers", None)
    headers: Mapping[str, str] = asked(url) if asked else {}
    return headers


def follows(source: SiteSource, url: str) -> bool:
    """Whether a link is one of the source's pages; every one where it does not say."""
    asked = getattr(source, "follows", None)
    return bool(asked(url)) if asked else True


def soup(page: Page) -> BeautifulSoup:
    """The page as a tree."""
    from bs4 import BeautifulSoup

    return BeautifulSoup(page_text(page), "lxml")


def page_text(page: Page) -> str:
    """The page's characters.

    Bytes that are valid UTF-8 are read as such whatever the site declares, because hardly any
    other text happens to be; those that do not fit what is declared as Windows-1252, as browsers
    do.
    """
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(page.body, is_html=True)
    for encoding in ("utf-8-sig", page.encoding, declared):
        with suppress(UnicodeDecodeError, LookupError):
            if encoding:
                return page.body.decode(encoding)
    return page.body.decode("windows-1252", errors="replace")


def html_links(page: Page, selector: str = "a[href]") -> Iterator[str]:
    """The absolute URL of every link that the selector finds, in the order of the page."""
    for anchor in soup(page).select(selector):
        try:
            yield urljoin(page.url, str(anchor["href"]).strip())
        except ValueError:  # such as an IPv6 address without its end
            continue


def missing(page: Page, piece: str, example: str) -> InputError:
    """The error of a page that lacks a piece of the structure its source is known for."""
    return InputError(
        f"{page.url} has no {piece}",
        f"{example}, as the pages of this source have had",
        "if the site changed, its parser in scrapers/sources/ must follow",
    )
