"""Any page: what stands in its paragraphs and list items, under its headings.

`html:PATH` reads a saved page or a folder of them, `html:URL` fetches a page and what it links to
below its own folder. The licence is the page's own (`rel="license"`), and where it states none the
one that is named after the argument: `html:PATH#license=CC BY 4.0`. A page without any is refused:
nothing could be done with its sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.parse import urljoin

from georeasoner.errors import ConfigError, InputError
from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.fetch.saved import page_files, saved_page
from scrapers.markup import address, page_licence, sections, text_of
from scrapers.source import FileSource, Passage, SiteSource, html_links, soup
from scrapers.text.places import countries_in

_LICENSE = "#license="
_FORMS = "html:PATH or html:URL, and #license=NAME after it where the pages state none"


@register("clue_source", "html")
def html_source(argument: str | None = None) -> SiteSource | FileSource:
    """The source for a path or a URL. Raises `ConfigError` for an argument that is neither."""
    where, _, license_name = (argument or "").partition(_LICENSE)
    if not where:
        raise ConfigError("html without a page", _FORMS)
    if where.startswith(("http://", "https://")):
        return HtmlSite(where, license_name or None)
    return HtmlFiles(where, license_name or None)


class _Html:
    def __init__(self, where: str, license_name: str | None) -> None:
        self.where, self.license = where, license_name

    def parse(self, page: Page) -> Iterator[Passage]:
        """The texts of a page, each with the countries and the topic of its headings."""
        tree = soup(page)
        url, license_name = address(page, tree), page_licence(tree) or self.license
        if license_name is None:
            raise InputError(
                f"{page.url} states no licence",
                'a link with rel="license"',
                f"or name one: {self.where}{_LICENSE}NAME",
            )
        title = text_of(tree.title) if tree.title else ""
        for section in sections(tree.find("main") or tree.body or tree, url, labels=False):
            for text in section.texts:
                yield Passage(
                    text,
                    url,
                    license_name,
                    page_countries=section.countries or countries_in(title),
                    topic=section.topic,
                    image_url=section.image,
                )


class HtmlFiles(_Html):
    """Saved pages."""

    strict = False

    def pages(self) -> Iterator[Page]:
        """The file, or each page of the folder."""
        return map(saved_page, page_files(Path(self.where).expanduser()))


class HtmlSite(_Html):
    """A page on the web and those below its folder."""

    def start_urls(self) -> AbstractContextManager[tuple[str, ...]]:
        """The page that was named."""
        return nullcontext((self.where,))

    def follows(self, url: str) -> bool:
        """What lies below the page's folder."""
        return url.startswith(urljoin(self.where, "."))

    def links(self, page: Page) -> Iterator[str]:
        """The links of the page, without those to its licence."""
        return html_links(page, 'a[href]:not([rel~="license"])')
