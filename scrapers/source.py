"""What a clue source is: where to start, which links to follow, and how to read one page.

A source is one file in `scrapers/sources/` with one class under
`@register("clue_source", NAME)`. What follows NAME and a colon on the command line reaches the
class as its argument, so `clueworld:http://127.0.0.1:8000/` reads another copy of the site.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

from georeasoner import registry
from georeasoner.errors import InputError
from scrapers.pages import Page

if TYPE_CHECKING:
    from bs4 import BeautifulSoup


@dataclass(frozen=True)
class Clue:
    """One verbatim sentence of a source and what its page says about it.

    `source_url` is the page's lasting address (its canonical link where it has one). A sentence
    that speaks of no place has no `countries`; the stage then rejects it.
    """

    text: str
    source_url: str
    countries: tuple[str, ...]
    category: str | None
    license: str | None
    regions: tuple[str, ...] = ()
    ade20k_classes: tuple[str, ...] = ()
    image_url: str | None = None
    synthetic: bool = False


class ClueSource(Protocol):
    """The whole interface; the class takes the argument of `NAME:ARGUMENT`, or None."""

    def __init__(self, argument: str | None = None) -> None: ...

    def start_urls(self) -> AbstractContextManager[Sequence[str]]:
        """The URLs to start from, reachable while the context is open. All of one site."""
        ...

    def links(self, page: Page) -> Iterator[str]:
        """Absolute URLs to follow from a page; the spider itself keeps to the site."""
        ...

    def parse(self, page: Page) -> Iterator[Clue]:
        """The clues of one saved page.

        Raises `InputError` naming the missing piece when the page has not the structure that
        the source is known for.
        """
        ...


def open_source(spec: str) -> ClueSource:
    """The source that `NAME` or `NAME:ARGUMENT` speaks of. Raises `UnknownNameError`."""
    name, _, argument = spec.partition(":")
    source: ClueSource = registry.get("clue_source", name)(argument or None)
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
