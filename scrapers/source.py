"""What a clue source is: where its pages come from, and how to read one page.

A source is one file in `scrapers/sources/` with one class under
`@register("clue_source", NAME)`. What follows NAME and a colon on the command line reaches the
class as its argument, so `clueworld:http://127.0.0.1:8000/` reads another copy of the site. A
`SiteSource` is crawled, a `FileSource` brings its pages itself; both only say what stands on a
page: sentences, places and topics are read from it by `scrapers.text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
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
    """A source whose pages the spider fetches."""

    def start_urls(self) -> AbstractContextManager[Sequence[str]]:
        """The URLs to start from, reachable while the context is open. All of one site."""
        ...

    def links(self, page: Page) -> Iterator[str]:
        """Absolute URLs to follow from a page; the spider itself keeps to the site."""
        ...


@runtime_checkable
class FileSource(ClueSource, Protocol):
    """A source whose pages are at hand: files of the user's or of this package."""

    def pages(self) -> Iterator[Page]:
        """The pages, whole. Raises `InputError` for a file that cannot be read."""
        ...


def open_source(spec: str) -> SiteSource | FileSource:
    """The source that `NAME` or `NAME:ARGUMENT` speaks of. Raises `UnknownNameError`."""
    name, _, argument = spec.partition(":")
    source: SiteSource | FileSource = registry.get("clue_source", name)(argument or None)
    return source


def soup(page: Page) -> BeautifulSoup:
    """The page as a tree."""
    from bs4 import BeautifulSoup

    return BeautifulSoup(page.body, "lxml", from_encoding=page.encoding)


def html_links(page: Page) -> Iterator[str]:
    """The absolute URL of every `<a href>`, in the order of the page."""
    for anchor in soup(page).select("a[href]"):
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
