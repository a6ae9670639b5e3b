"""Pages as they were fetched, kept on disk: what a spider saves and what a parser reads.

A `PageStore` is a folder: one JSON file per URL (status, headers, encoding, time of retrieval,
hash of the content) and one file per distinct body, named by its hash. Both are written to a
temporary name and renamed, the body first, so a page that is there is whole. Parsing can so be
repeated without the network, and the next crawl can ask a site only for what changed. What a site
says for all its pages, robots.txt and tdmrep.json, is kept in the same way in its folder `site`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from georeasoner.errors import IntegrityError
from georeasoner.files import write_bytes, write_json  # not the lake's: the spider starts lightly


@dataclass(frozen=True)
class Page:
    """One response. `url` is where it came from in the end, after redirects.

    Header names are in lower case; several headers of one name are joined by ", " as HTTP allows.
    `encoding` is the character set that header and content declare, None for bytes.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    encoding: str | None
    retrieved_at: datetime
    content_sha256: str


def content_sha256(body: bytes) -> str:
    """The hash that a clue carries of the page it was read from."""
    return hashlib.sha256(body).hexdigest()


class PageStore:
    """A folder of pages, by URL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def documents(self) -> PageStore:
        """The robots.txt and tdmrep.json of the sites that the pages come from."""
        return PageStore(self.folder / "site")

    def save(self, page: Page) -> None:
        """Keep a page, in place of an older one of the same URL."""
        body = self.folder / f"{page.content_sha256}.body"
        if not body.exists():
            write_bytes(body, page.body)
        facts = {
            "url": page.url,
            "status": page.status,
            "headers": dict(page.headers),
            "encoding": page.encoding,
            "retrieved_at": page.retrieved_at.isoformat(),
            "content_sha256": page.content_sha256,
        }
        write_json(self._file(page.url), facts)

    def load(self, url: str) -> Page | None:
        """The page of that URL, None if it was never kept. Raises `IntegrityError`."""
        file = self._file(url)
        return self._read(file) if file.exists() else None

    def forget(self, url: str) -> None:
        """Have no page of that URL any more."""
        self._file(url).unlink(missing_ok=True)

    def pages(self) -> Iterator[Page]:
        """Every page, ordered by the hash of its URL."""
        for file in sorted(self.folder.glob("*.json")):
            yield self._read(file)

    def _read(self, file: Path) -> Page:
        facts = json.loads(file.read_bytes())
        body_file = self.folder / f"{facts['content_sha256']}.body"
        body = body_file.read_bytes()
        if content_sha256(body) != facts["content_sha256"]:
            raise IntegrityError(f"{body_file} does not hold what its name says: delete the folder")
        facts["retrieved_at"] = datetime.fromisoformat(facts["retrieved_at"])
        return Page(body=body, **facts)

    def _file(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
