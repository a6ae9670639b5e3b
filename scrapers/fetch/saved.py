"""Files as pages: what somebody saved from a browser, or wrote.

The address of a saved page is taken from the page itself: the canonical link, `og:url`, or the
comment that a browser leaves ("saved from url=..."). The site was not asked, so its robots.txt and
tdmrep.json are unknown: for the pages of a source that counts as a reservation of training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from georeasoner.errors import ConfigError, InputError
from scrapers.fetch.addresses import site_of
from scrapers.fetch.pages import Page, content_sha256
from scrapers.fetch.rights import SiteWords
from scrapers.source import ClueSource, open_source, soup

NOT_ASKED = SiteWords(unread="robots.txt and tdmrep.json: not read (a saved page)")

HTML = frozenset({".html", ".htm", ".xhtml"})
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d+\)(\S+)")


class SavedPages:
    """A file or a folder of pages of a source. `url` is that of a single file."""

    def __init__(self, source: str, path: str, url: str | None = None) -> None:
        self.source: ClueSource = open_source(source)
        self.path, self.url = Path(path), url

    def pages(self) -> Iterator[Page]:
        """The pages, in the order of the files' names."""
        files = page_files(self.path, HTML | {".json"})
        if self.url and len(files) > 1:
            raise ConfigError(f"--url with the {len(files)} pages of {self.path}", "one page")
        for file in files:
            page = saved_page(file, self.url)
            if site_of(page.url) is None:
                raise InputError(
                    f"{file} does not say where it is from"
                    + (f" ({self.url!r})" if self.url else ""),
                    'a canonical link, og:url or a browser\'s comment "saved from url"',
                    "give its address with --url",
                )
            yield page


def page_files(path: Path, suffixes: frozenset[str] = HTML) -> list[Path]:
    """The file, or those of a folder with such suffixes, in the order of their names.

    Raises `InputError` where there is none.
    """
    if not path.exists():
        raise InputError(f"there is no {path}", "a saved page or a folder of them, no URL")
    if not path.is_dir():
        return [path]
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in suffixes and f.is_file())
    if not files:
        raise InputError(f"{path} holds no page", f"files {', '.join(sorted(suffixes))}")
    return files


def saved_page(file: Path, url: str | None = None) -> Page:
    """A saved page, of the address that it states where none is given, else of `file:NAME`."""
    from w3lib.encoding import html_to_unicode

    page = file_page(file)
    encoding, _ = html_to_unicode(None, page.body, default_encoding="utf-8")
    page = replace(page, encoding=encoding)
    return replace(page, url=url or _address(page) or page.url)


def file_page(file: Path) -> Page:
    """Any file as a page, retrieved when it was last changed.

    Its address is `file:NAME`: the folders of somebody's machine are nobody's business. Raises
    `InputError` for a file that cannot be read.
    """
    try:
        body, changed = file.read_bytes(), file.stat().st_mtime
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "a file") from None
    when = datetime.fromtimestamp(changed, UTC)
    return Page(f"file:{file.name}", 200, {}, body, None, when, content_sha256(body))


def _address(page: Page) -> str:
    tree = soup(page)
    if link := tree.select_one('link[rel="canonical"][href]'):
        return str(link["href"]).strip()
    if meta := tree.select_one('meta[property="og:url"][content]'):
        return str(meta["content"]).strip()
    saved = _SAVED_FROM.search(page.body[:4096])
    return saved[1].decode(errors="replace") if saved else ""
