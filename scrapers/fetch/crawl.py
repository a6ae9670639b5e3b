"""Fetch a source's pages into a `PageStore`, politely, and account for every URL.

In: a source's name, start URLs, a store, settings. Out: a `CrawlReport` with one outcome for each
URL that was met. The Scrapy spider runs in a process of its own (`scrapers.fetch.spider`), because
Twisted's reactor can be started only once in a process and would take over the caller's; the two
speak JSON, one job on the child's stdin, one event a line on its stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urldefrag, urlsplit

from georeasoner import __version__
from georeasoner.errors import ConfigError, GeoReasonerError, InputError
from georeasoner.progress import log, track
from scrapers.fetch.addresses import is_loopback, private_hosts, site_of
from scrapers.fetch.pages import PageStore
from scrapers.fetch.rights import AGENT

USABLE = frozenset({"fetched", "unchanged", "kept"})
"""Outcomes with a page: newly fetched, confirmed by the site, young enough not to ask."""

PRIVATE = "private address"
"""The outcome of a URL that leads into a private network where none was meant."""

LEFT_OUT = frozenset(
    (
        "robots-forbidden",
        "robots unreadable",
        "off-site",
        PRIVATE,
        "not http",
        "not followed",
        "over budget",
        "not a page",
    )
)
"""Outcomes by decision. All others are failures (an HTTP status, too large, timeout ...)."""

Mode = Literal["pages", "images", "dry run"]


@dataclass(frozen=True)
class CrawlSettings:
    """How to treat a site. Sizes are of decompressed bodies; pages count with their retries.

    `delay_s` None is one second, and none on this very machine. A page in the store that is
    younger than `max_age_h` is not asked for again; an older one is asked for conditionally. A
    site that asks to wait (`Retry-After`) is waited for, `max_wait_s` at most.
    """

    max_pages: int = 1000
    delay_s: float | None = None
    contact: str | None = None
    max_bytes: int = 8 << 20
    timeout_s: float = 30.0
    retries: int = 2
    max_age_h: float = 24.0
    max_wait_s: float = 120.0

    def __post_init__(self) -> None:
        if self.max_pages < 1:
            raise ConfigError(f"--max-pages {self.max_pages}", "at least 1")
        if self.delay_s is not None and self.delay_s < 0:
            raise ConfigError(f"--delay-s {self.delay_s}", "0 or more seconds")

    @property
    def user_agent(self) -> str:
        """What the crawler calls itself to the site."""
        return f"{AGENT}/{__version__}" + (f" (+{self.contact})" if self.contact else "")


@dataclass(frozen=True)
class CrawlReport:
    """What became of every URL: `outcomes` by URL, `landed` has where in the store its page is.

    `robots_problem` says by host and port why a robots.txt could not be read, in which case
    nothing of that site was fetched; `rules` has the line of robots.txt that forbids a URL.
    """

    outcomes: dict[str, str]
    landed: dict[str, str]
    robots_problem: dict[str, str]
    rules: dict[str, str]

    @property
    def pages(self) -> tuple[str, ...]:
        """The URLs of the pages in the store, sorted."""
        return tuple(sorted(set(self.landed.values())))


def crawl(
    source: str,
    start_urls: Sequence[str],
    store: PageStore,
    settings: CrawlSettings,
    *,
    dry_run: bool = False,
) -> CrawlReport:
    """Run the spider of a source (`NAME` or `NAME:ARGUMENT`) to its end.

    It keeps to the sites of the start URLs. A dry run asks for each site's robots.txt and nothing
    else, walks the pages of the store as they are, and tells of all others what it would do.
    Raises `ConfigError` where a start URL is not http(s).
    """
    if not start_urls or not all(site_of(url) for url in start_urls):
        raise ConfigError(
            f"start URLs {', '.join(start_urls) or '(none)'}", "at least one, http or https"
        )
    private = sorted(private_hosts(start_urls))
    return _run("dry run" if dry_run else "pages", source, start_urls, private, store, settings)


def fetch_images(
    source: str,
    urls: Sequence[str],
    meant: Sequence[str],
    store: PageStore,
    settings: CrawlSettings,
) -> CrawlReport:
    """Fetch pictures into the store by the same rules, each from the site that it lies on.

    `meant` are the URLs that a person gave: one in a private network allows pictures from there.
    """
    return _run("images", source, urls, sorted(private_hosts(meant)), store, settings)


def raise_if_refused(report: CrawlReport, start_urls: Sequence[str]) -> None:
    """Raise `InputError` where a site as a whole said no, or no start URL leads to a page."""
    for netloc, problem in report.robots_problem.items():
        if problem == PRIVATE:
            raise InputError(
                f"{netloc} leads into a private network",
                "a public address behind a public name",
                "give the address instead of the name if it is meant",
            )
        raise InputError(
            f"robots.txt of {netloc} cannot be read ({problem})",
            "the site's word on what may be fetched",
            "nothing of it was fetched; try again later",
        )
    if report.landed:
        return
    first = start_urls[0]
    outcomes = {report.outcomes[urldefrag(url).url] for url in start_urls}
    if outcomes == {"robots-forbidden"}:
        rule = report.rules.get(urldefrag(first).url)
        raise InputError(
            f"robots.txt of {urlsplit(first).netloc} forbids fetching {first}"
            + (f" ({rule})" if rule else ""),
            "a site that allows crawling",
            "nothing was fetched; ask its owners, or use another source",
        )
    raise InputError(f"{first}: {', '.join(sorted(outcomes))}", "a page", "check the address")


def _run(
    mode: Mode,
    source: str,
    urls: Sequence[str],
    private: Sequence[str],
    store: PageStore,
    settings: CrawlSettings,
) -> CrawlReport:
    at_home = all(is_loopback(url) for url in urls)
    delay_s = settings.delay_s
    if delay_s is None:
        delay_s = 0.0 if at_home else 1.0
    if settings.contact is None and not at_home:
        log(f"{source}: the site cannot tell whom to write to; --contact gives it your address")
    job = asdict(settings) | {
        "mode": mode,
        "source": source,
        "start_urls": list(urls),
        "private_hosts": list(private),
        "store": str(store.folder.resolve()),
        "delay_s": delay_s,
        "user_agent": settings.user_agent,
        "parent": os.getpid(),
    }
    outcomes: dict[str, str] = {}
    landed: dict[str, str] = {}
    robots_problem: dict[str, str] = {}
    rules: dict[str, str] = {}
    for event in track(_events(job), f"{'pictures' if mode == 'images' else 'pages'} of {source}"):
        if "url" in event:
            outcomes[event["url"]] = event["outcome"]
            if event["page"]:
                landed[event["url"]] = event["page"]
            if event["rule"]:
                rules[event["url"]] = event["rule"]
        elif "log" in event:
            log(event["log"])
        else:
            robots_problem[event["netloc"]] = event["robots_problem"]
    return CrawlReport(outcomes, landed, robots_problem, rules)


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
