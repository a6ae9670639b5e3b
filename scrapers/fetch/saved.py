"""Pages that somebody saved from a browser: files in, the pages they were out.

Their address is taken from the page itself: the canonical link, `og:url`, or the comment that a
browser leaves ("saved from url=..."). The site was not asked, so its robots.txt and tdmrep.json are
unknown: that counts as a reservation of training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from georeasoner.errors import ConfigError, InputError
from scrapers.fetch.addresses import site_of
from scrapers.fetch.pages import Page, content_sha256
from scrapers.fetch.rights import SiteWords
from scrapers.source import ClueSource, open_source, soup

NOT_ASKED = SiteWords(unread="robots.txt and tdmrep.json: not read (a saved page)")

_SUFFIXES = frozenset({".html", ".htm", ".xhtml", ".json"})
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d+\)(\S+)")


class SavedPages:
    """A file or a folder of pages of a source. `url` is that of a single file."""

    def __init__(self, source: str, path: str, url: str | None = None) -> None:
        self.source: ClueSource = open_source(source)
        self.path, self.url = Path(path), url

    def pages(self) -> Iterator[Page]:
        """The pages, in the order of the files' names."""
        if not self.path.exists():
            raise InputError(f"there is no {self.path}", "a saved page or a folder of them")
        files = [self.path]
        if self.path.is_dir():
            found = (f for f in self.path.rglob("*") if f.suffix.lower() in _SUFFIXES)
            files = sorted(f for f in found if f.is_file())
        if not files:
            raise InputError(f"{self.path} holds no page", f"files {', '.join(sorted(_SUFFIXES))}")
        if self.url and len(files) > 1:
            raise ConfigError(f"--url with the {len(files)} pages of {self.path}", "one page")
        for file in files:
            yield _page(file, self.url)


def _page(file: Path, url: str | None) -> Page:
    from w3lib.encoding import html_to_unicode

    body = file.read_bytes()
    encoding, _ = html_to_unicode(None, body, default_encoding="utf-8")
    when = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    page = Page(url or "", 200, {}, body, encoding, when, content_sha256(body))
    address = url or _address(page)
    if site_of(address) is None:
        raise InputError(
            f"{file} does not say where it is from" + (f" ({address!r})" if address else ""),
            'a canonical link, og:url or a browser\'s comment "saved from url"',
            "give its address with --url",
        )
    return Page(address, 200, {}, body, encoding, when, page.content_sha256)


def _address(page: Page) -> str:
    tree = soup(page)
    if link := tree.select_one('link[rel="canonical"][href]'):
        return str(link["href"]).strip()
    if meta := tree.select_one('meta[property="og:url"][content]'):
        return str(meta["content"]).strip()
    saved = _SAVED_FROM.search(page.body[:4096])
    return saved[1].decode(errors="replace") if saved else ""
