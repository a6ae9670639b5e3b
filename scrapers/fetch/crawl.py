"""Fetch a source's pages into a `PageStore`, politely, and account for every URL.

In: a source's name, start URLs, a store, settings. Out: a `CrawlReport` with one outcome for each
URL that was met. The Scrapy spider runs in a process of its own (`scrapers.fetch.spider`), because
Twisted's reactor can be started only once in a process and would take over the caller's; the two
speak JSON, one job on the child's stdin, one event a line on its stdout.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from georeasoner import __version__
from georeasoner.errors import ConfigError, GeoReasonerError
from georeasoner.progress import track
from scrapers.fetch.pages import PageStore

AGENT = "GeoReasoner"
"""The name by which the crawler goes in robots.txt."""

USABLE = frozenset({"fetched", "unchanged", "kept"})
"""Outcomes with a page: newly fetched, confirmed by the site, young enough not to ask."""

LEFT_OUT = frozenset(
    {"robots-forbidden", "off-site", "not http", "over budget", "not a page", "robots unreadable"}
)
"""Outcomes by decision. All others are failures (an HTTP status, too large, timeout ...)."""


@dataclass(frozen=True)
class CrawlSettings:
    """How to treat a site. Sizes are of decompressed bodies; pages count with their retries.

    `delay_s` None is one second, and none on this very machine. A page in the store that is
    younger than `max_age_h` is not asked for again; an older one is asked for conditionally.
    """

    max_pages: int = 1000
    delay_s: float | None = None
    contact: str | None = None
    max_bytes: int = 8 << 20
    timeout_s: float = 30.0
    retries: int = 2
    max_age_h: float = 24.0

    def __post_init__(self) -> None:
        if self.max_pages < 1:
            raise ConfigError(f"max_pages is {self.max_pages}", "at least 1")
        if self.delay_s is not None and self.delay_s < 0:
            raise ConfigError(f"delay_s is {self.delay_s}", "0 or more seconds")

    @property
    def user_agent(self) -> str:
        """What the crawler calls itself to the site."""
        return f"{AGENT}/{__version__}" + (f" (+{self.contact})" if self.contact else "")


@dataclass(frozen=True)
class CrawlReport:
    """What became of every URL: `outcomes` by URL, and the URLs of `pages` in the store, sorted.

    `robots_txt` is its text ("" where the site has none); `robots_problem` says why it could not
    be read, in which case nothing was fetched.
    """

    outcomes: dict[str, str]
    pages: tuple[str, ...]
    robots_txt: str
    robots_problem: str | None


def is_loopback(url: str) -> bool:
    """Whether a URL points at this very machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def site_of(url: str) -> tuple[str, int] | None:
    """Host (without "www.") and port of an http(s) URL; None for anything else.

    Two URLs are of one site when these agree; http and https on their own ports count as one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    default = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return parts.hostname.removeprefix("www."), 443 if default else int(port or 0)


def crawl(
    source: str, start_urls: Sequence[str], store: PageStore, settings: CrawlSettings
) -> CrawlReport:
    """Run the spider of a source (`NAME` or `NAME:ARGUMENT`) to its end.

    Raises `ConfigError` for start URLs that are not http(s) or not of one site.
    """
    if len({site_of(url) for url in start_urls}) != 1 or site_of(start_urls[0]) is None:
        raise ConfigError(
            f"start URLs {', '.join(start_urls) or '(none)'}", "http or https URLs of one site"
        )
    delay_s = settings.delay_s
    if delay_s is None:
        delay_s = 0.0 if is_loopback(start_urls[0]) else 1.0
    job = asdict(settings) | {
        "source": source,
        "start_urls": list(start_urls),
        "store": str(store.folder.resolve()),
        "delay_s": delay_s,
        "user_agent": settings.user_agent,
        "parent": os.getpid(),
    }
    outcomes: dict[str, str] = {}
    pages: set[str] = set()
    robots: dict[str, Any] = {}
    for event in track(_events(job), f"pages of {source}"):
        if "url" in event:
            outcomes[event["url"]] = event["outcome"]
            if event["page"]:
                pages.add(event["page"])
        else:
            robots |= event
    return CrawlReport(
        outcomes, tuple(sorted(pages)), robots.get("robots_txt", ""), robots.get("robots_problem")
    )


def _events(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the spider's process reports, until it says that it has finished."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "scrapers.fetch.spider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert child.stdin and child.stdout
        finished = False
        try:
            with child.stdin:
                child.stdin.write(json.dumps(job).encode())
            for line in child.stdout:
                event = json.loads(line)
                if "finished" in event:
                    finished = event["finished"] == "finished"
                else:
                    yield event
        finally:
            child.stdout.close()
            child.terminate()
            child.wait()
        if not finished:
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-5:]
            raise GeoReasonerError(
                f"the spider of {job['source']} died: {' | '.join(tail) or 'no word of why'};"
                " pages fetched so far are kept, run it again"
            )
