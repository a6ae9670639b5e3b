"""Saved pages: files of the user's own as `Page`s, for parsers that need no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from georeasoner.errors import InputError
from scrapers.fetch.pages import Page, content_sha256

_SAVED = (".html", ".htm", ".xhtml")
_SAVED_FROM = re.compile(rb"<!-- saved from url=\(\d+\)(https?://\S+) -->")
_BEGINNING = 4096


def file_page(path: str | Path) -> Page:
    """A file as a page; its time of retrieval is that of its last change.

    Its URL is the one that a browser wrote into it when it saved the page, else `file:NAME`: the
    folders of somebody's machine are nobody's business.

    Raises `InputError` for a file that cannot be read.
    """
    file = Path(path).expanduser()
    try:
        body, changed = file.read_bytes(), file.stat().st_mtime
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "a file") from None
    saved_from = _SAVED_FROM.search(body[:_BEGINNING])
    return Page(
        url=saved_from[1].decode() if saved_from else f"file:{file.name}",
        status=200,
        headers={},
        body=body,
        encoding=None,
        retrieved_at=datetime.fromtimestamp(changed, UTC),
        content_sha256=content_sha256(body),
    )


def saved_pages(path: str | Path) -> Iterator[Page]:
    """A saved page, or all of a folder, ordered by their names.

    Raises `InputError` for a folder without any, and for a file that cannot be read.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        yield file_page(folder)
        return
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SAVED)
    if not files:
        raise InputError(f"{folder} has no saved page", f"files *{' *'.join(_SAVED)}")
    for file in files:
        yield file_page(file)
