"""The spider: a process that reads one job on stdin and reports each URL's outcome on stdout.

`python -m scrapers.fetch.spider` is started by `scrapers.fetch.crawl` and by nothing else. Scrapy
gives the scheduling, retries, AutoThrottle, decompression and the deduplication of requests; the
three middlewares here keep to the start URL's site (redirects too), stop where robots.txt cannot
be read, and replay or revalidate pages that are already in the store.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import scrapy
from scrapy import signals
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import HtmlResponse, Request, Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from scrapers.fetch.crawl import AGENT, is_loopback, site_of
from scrapers.fetch.pages import Page, PageStore, content_sha256
from scrapers.source import open_source

_TEXT = re.compile(r"text/|application/(\S+\+)?(json|xml)\b")
_ROBOTS_BYTES = 500 * 1024  # as much as RFC 9309 asks a crawler to read
_CONDITIONS = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
_DENY_ALL = b"User-agent: *\nDisallow: /"


def report(**event: Any) -> None:
    """One event to the parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Refused(IgnoreRequest):
    """A request that was not made; its text is the URL's outcome."""


class ClueSpider(scrapy.Spider):
    """Visits the start URLs and what the source's `links` finds on the pages of their site."""

    name = "clues"

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__()
        self.job = job
        self.source = open_source(job["source"])
        self.store = PageStore(Path(job["store"]))
        self.site = site_of(job["start_urls"][0])
        self.met: set[str] = set()
        self.open: set[str] = set()
        self.started = datetime.now(UTC)
        self.fresh_since = self.started - timedelta(hours=job["max_age_h"])
        self.robots_problem: str | None = None

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

    def visit(self, url: str) -> Iterator[Request]:
        """The request for a URL that was not met before, if it is one to be made."""
        url = urldefrag(url).url
        if url in self.met:
            return
        self.met.add(url)
        self.open.add(url)
        if site_of(url) == self.site:
            # Scrapy's own filter would drop a redirect to a page already seen without a word.
            arguments = {"asked": url}
            yield Request(
                url, self.keep, errback=self.failed, cb_kwargs=arguments, dont_filter=True
            )
        else:
            self.tell(url, "off-site" if site_of(url) else "not http")

    def tell(self, url: str, outcome: str, page: str | None = None) -> None:
        """Report what became of a URL."""
        self.open.discard(url)
        report(url=url, outcome=outcome, page=page)

    def keep(self, response: Response, asked: str) -> Iterator[Request]:
        """Save a page, report it, follow its links."""
        kind = response.headers.get("Content-Type", b"text/").decode("latin-1").lower()
        if not isinstance(response, TextResponse) or not _TEXT.match(kind):
            self.tell(asked, "not a page")
            return
        page = _page(response)
        if "kept" not in response.flags:
            self.store.save(page)
        if "unchanged" in response.flags:
            outcome = "unchanged"
        else:  # a page that another URL led to earlier in this crawl was fetched, too
            outcome = "fetched" if page.retrieved_at >= self.started else "kept"
        self.tell(asked, outcome, page.url)
        for link in self.source.links(page):
            yield from self.visit(link)

    def failed(self, failure: Failure) -> None:
        """Report why a request brought no page."""
        self.tell(failure.request.cb_kwargs["asked"], self._outcome(failure.value))

    def _outcome(self, error: BaseException) -> str:
        if isinstance(error, Refused):
            return str(error)
        if isinstance(error, HttpError):
            return f"http {error.response.status}"
        if isinstance(error, IgnoreRequest):
            if "robots.txt" in str(error):
                return "robots unreadable" if self.robots_problem else "robots-forbidden"
            return "too large" if "MAXSIZE" in str(error) else "too many redirects"
        if isinstance(error, DownloadCancelledError):
            return "too large"
        return "timeout" if isinstance(error, DownloadTimeoutError) else "connection failed"

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


def _page(response: TextResponse) -> Page:
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    headers.pop("content-encoding", None)  # the body is decoded
    return Page(
        url=response.url,
        status=response.status,
        headers=headers,
        body=response.body,
        encoding=response.encoding,
        retrieved_at=response.meta.get("retrieved_at") or datetime.now(UTC),
        content_sha256=content_sha256(response.body),
    )


class SameSite:
    """Refuses requests to other sites, whatever link or redirect asks for them."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SameSite:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        if site_of(request.url) != self.crawler.spider.site:
            raise Refused("off-site" if site_of(request.url) else "not http")


class ObeyRobots(RobotsTxtMiddleware):
    """Scrapy's own takes a robots.txt that it cannot read for permission; this one stops.

    By RFC 9309: a 4xx means that there are no rules, a 5xx or no answer that nothing is allowed.
    429 counts as no answer. A `Crawl-delay` is kept.
    """

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        there, absent = response.status // 100 == 2, response.status // 100 == 4
        if response.status == 429 or not (there or absent):
            raise ConnectionError(f"it answered {response.status}")
        body = response.body[:_ROBOTS_BYTES] if there else b""
        report(robots_txt=body.decode("utf-8", errors="replace"))
        await super()._parse_robots(response.replace(body=body), netloc, request)
        self._keep_crawl_delay(netloc)

    def _keep_crawl_delay(self, netloc: str) -> None:
        delay_s = self._parsers[netloc].crawl_delay(AGENT)
        throttle = self.crawler.get_extension(AutoThrottle)
        if delay_s and throttle:
            throttle.mindelay = max(throttle.mindelay, delay_s)
            throttle.maxdelay = max(throttle.maxdelay, delay_s)
            for slot in self.crawler.engine.downloader.slots.values():
                slot.delay = max(slot.delay, delay_s)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self.crawler.spider.robots_problem = str(exc) or type(exc).__name__
        report(robots_problem=self.crawler.spider.robots_problem)
        waiting = self._parsers[netloc]
        self._parsers[netloc] = self._parserimpl.from_crawler(self.crawler, _DENY_ALL)
        waiting.callback(self._parsers[netloc])


class Visit:
    """Spends the budget, and asks the site only for what the store does not have or know fresh."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler, self.spent = crawler, 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Visit:
        return cls(crawler)

    def process_request(self, request: Request) -> Response | None:
        if request.meta.get("dont_obey_robotstxt"):  # robots.txt itself
            return None
        spider = self.crawler.spider
        if page := spider.store.load(request.url):
            if page.retrieved_at >= spider.fresh_since:
                return self._replay(request, page, "kept")
            request.meta["stored"] = page
            for ask, validator in _CONDITIONS:
                if validator in page.headers:
                    request.headers[ask] = page.headers[validator]
        if self.spent >= spider.job["max_pages"]:
            raise Refused("over budget")
        self.spent += 1
        return None

    def process_response(self, request: Request, response: Response) -> Response:
        page = request.meta.get("stored")
        if page and response.status == 304:
            return self._replay(request, page, "unchanged")
        return response

    def _replay(self, request: Request, page: Page, flag: str) -> Response:
        request.meta["retrieved_at"] = page.retrieved_at if flag == "kept" else None
        return HtmlResponse(
            page.url,
            status=page.status,
            headers=dict(page.headers),
            body=page.body,
            encoding=page.encoding,
            flags=[flag],
        )


def _settings(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "USER_AGENT": job["user_agent"],
        "ROBOTSTXT_USER_AGENT": AGENT,
        "ROBOTSTXT_OBEY": True,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            SameSite: 50,
            ObeyRobots: 100,
            Visit: 880,
        },
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": job["delay_s"],
        "DOWNLOAD_DELAY": job["delay_s"],
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_TIMEOUT": job["timeout_s"],
        "DOWNLOAD_MAXSIZE": job["max_bytes"],
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "RETRY_TIMES": job["retries"],
        "REDIRECT_MAX_TIMES": 5,
        "HTTPPROXY_ENABLED": not is_loopback(job["start_urls"][0]),
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
    process = CrawlerProcess(_settings(job))
    process.crawl(ClueSpider, job=job)
    process.start()


if __name__ == "__main__":
    main()
