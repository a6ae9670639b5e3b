"""The spider: a process that reads one job on stdin and reports each URL's outcome on stdout.

`python -m scrapers.fetch.spider` is started by `scrapers.fetch.crawl` and by nothing else. How it
treats the sites is in `scrapers.fetch.middlewares`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import scrapy
from scrapy import signals
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Request, Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.python.failure import Failure

from georeasoner.errors import InputError
from scrapers.fetch import middlewares
from scrapers.fetch.addresses import host_of, is_loopback, names_private_place, site_of
from scrapers.fetch.crawl import PRIVATE
from scrapers.fetch.middlewares import NotMade, page_of, report
from scrapers.fetch.pages import Page, PageStore
from scrapers.fetch.resolver import PublicOnly
from scrapers.fetch.rights import AGENT, rights_of
from scrapers.source import SiteSource, follows, open_source

_TEXT = re.compile(r"text/|application/(\S+\+)?(json|xml)\b")
_NETWORK = (
    DownloadConnectionRefusedError,
    DownloadFailedError,
    ResponseDataLossError,
    ConnectError,
    ConnectionClosed,
    TunnelError,
)
_STORED = frozenset({"kept", "unchanged", "would ask whether it changed"})


class ClueSpider(scrapy.Spider):
    """Visits the start URLs and what the source's `links` finds on the pages of their sites."""

    name = "clues"

    def __init__(self, job: dict[str, Any], refused_hosts: set[str]) -> None:
        super().__init__()
        self.job, self.refused_hosts = job, refused_hosts
        self.images, self.dry_run = job["mode"] == "images", job["mode"] == "dry run"
        opened = None if self.images else open_source(job["source"])
        self.source = opened if isinstance(opened, SiteSource) else None
        self.api_terms: str | None = getattr(self.source, "api_terms", None)
        self.store = PageStore(Path(job["store"]))
        self.sites = None if self.images else {site_of(url) for url in job["start_urls"]}
        self.met: set[str] = set()
        self.open: set[str] = set()
        self.started = datetime.now(UTC)
        self.fresh_since = self.started - timedelta(hours=job["max_age_h"])
        self.robots_txt: dict[str, str] = {}  # by host and port, as robots_problem
        self.robots_problem: dict[str, str] = {}
        self.rules: dict[str, str | None] = {}  # the line of robots.txt by URL that it forbids

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> ClueSpider:
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.crashed, signals.spider_error)
        crawler.signals.connect(spider.closed_because, signals.spider_closed)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        for url in self.job["start_urls"]:
            for request in self.visit(url):
                yield request

    def refusal(self, url: str) -> str | None:
        """Why a URL is none of ours, None where it is one."""
        site, host = site_of(url), host_of(url)
        if site is None:
            return "not http"
        if names_private_place(host) and host not in self.job["private_hosts"]:
            return PRIVATE
        return None if self.sites is None or site in self.sites else "off-site"

    def visit(self, url: str) -> Iterator[Request]:
        """The request for a URL that was not met before, if it is one to be made."""
        url = urldefrag(url).url
        if url in self.met:
            return
        self.met.add(url)
        self.open.add(url)
        if refusal := self.refusal(url):
            self.tell(url, refusal)
        elif self.source and url not in self.job["start_urls"] and not follows(self.source, url):
            self.tell(url, "not followed")
        else:
            # Scrapy's own filter would drop a redirect to a page already seen without a word.
            arguments = {"asked": url}
            yield Request(
                url, self.keep, errback=self.failed, cb_kwargs=arguments, dont_filter=True
            )

    def tell(self, url: str, outcome: str, page: str | None = None) -> None:
        """Report what became of a URL."""
        self.open.discard(url)
        report(url=url, outcome=outcome, page=page, rule=self.rules.get(url))

    def keep_document(self, page: Page) -> None:
        """Keep a site's robots.txt or tdmrep.json beside its pages."""
        if not self.dry_run:
            self.store.documents.save(page)

    def keep(self, response: Response, asked: str) -> Iterator[Request]:
        """Save a page, report it, follow its links."""
        if not self._is_wanted(response):
            self.tell(asked, "not an image" if self.images else "not a page")
            return
        page = page_of(response)
        stored = next((flag for flag in response.flags if flag in _STORED), None)
        if stored in (None, "unchanged") and not self.dry_run:
            self.store.save(page)
        # a page that another URL led to earlier in this crawl was fetched, too
        new = stored is None or (stored == "kept" and page.retrieved_at >= self.started)
        self.tell(asked, "fetched" if new else str(stored), page.url)
        if self.source and (self.api_terms or rights_of(page).links):
            with suppress(InputError):  # parsing the page says what it lacks
                for link in self.source.links(page):
                    yield from self.visit(link)

    def _is_wanted(self, response: Response) -> bool:
        kind = response.headers.get("Content-Type", b"text/").decode("latin-1").lower()
        if self.images:
            return kind.startswith("image/")
        return isinstance(response, TextResponse) and _TEXT.match(kind) is not None

    def failed(self, failure: Failure) -> None:
        """Report why a request brought no page."""
        request = failure.request
        asked = request.cb_kwargs["asked"]
        self.rules.setdefault(asked, self.rules.get(request.url))
        self.tell(asked, self._outcome(failure.value, host_of(request.url)))

    def _outcome(self, error: BaseException, host: str) -> str:
        if isinstance(error, NotMade):
            return str(error)
        if isinstance(error, HttpError):
            return f"http {error.response.status}"
        if isinstance(error, IgnoreRequest):
            return "too large" if "MAXSIZE" in str(error) else "too many redirects"
        if isinstance(error, DownloadCancelledError):
            return "too large"
        if isinstance(error, CannotResolveHostError):
            return PRIVATE if host in self.refused_hosts else "unknown host"
        if isinstance(error, DownloadTimeoutError):
            return "timeout"
        return "connection failed" if isinstance(error, _NETWORK) else "unreadable answer"

    def crashed(self, failure: Failure) -> None:
        """A bug in a source's `links` ends the crawl: Scrapy alone would log it and go on."""
        sys.stderr.write(failure.getTraceback())
        sys.stderr.flush()
        os._exit(1)

    def closed_because(self, reason: str) -> None:
        """The last word: nothing may be left without an outcome."""
        for url in sorted(self.open):
            self.tell(url, "not reached")
        report(finished=reason)


def _settings(job: dict[str, Any], refused_hosts: set[str]) -> dict[str, Any]:
    return {
        "USER_AGENT": job["user_agent"],
        "ROBOTSTXT_USER_AGENT": AGENT,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
            middlewares.SameSites: 50,
            middlewares.SourceHeaders: 60,
            middlewares.ObeyRobots: 100,
            middlewares.ReadReservations: 110,
            middlewares.Patience: 550,
            middlewares.Visit: 880,
        },
        "TWISTED_DNS_RESOLVER": PublicOnly,
        "PRIVATE_HOSTS": job["private_hosts"],
        "REFUSED_HOSTS": refused_hosts,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": job["delay_s"],
        "DOWNLOAD_DELAY": job["delay_s"],
        "DOWNLOAD_DELAY_JITTER": 0,  # the delay is a promise
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_TIMEOUT": job["timeout_s"],
        "DOWNLOAD_MAXSIZE": job["max_bytes"],
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "RETRY_TIMES": job["retries"],
        "MAX_WAIT": job["max_wait_s"],
        "REDIRECT_MAX_TIMES": 5,
        "HTTPPROXY_ENABLED": not all(is_loopback(url) for url in job["start_urls"]),
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }


def _end_with(parent: int) -> None:
    """Stop when whoever wanted the pages is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(3)


def main() -> None:
    """Run the job that stdin holds."""
    job = json.load(sys.stdin)
    threading.Thread(target=_end_with, args=(job["parent"],), daemon=True).start()
    refused_hosts: set[str] = set()
    process = CrawlerProcess(_settings(job, refused_hosts))
    process.crawl(ClueSpider, job=job, refused_hosts=refused_hosts)
    process.start()


if __name__ == "__main__":
    main()
