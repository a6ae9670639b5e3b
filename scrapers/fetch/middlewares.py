"""What stands between the spider and the sites: each class keeps to one rule of politeness.

Scrapy gives the scheduling, retries, AutoThrottle, decompression and robots.txt; these keep to the
sites of the start URLs (redirects too), add the source's own headers, stop where robots.txt cannot
be read, read tdmrep.json, wait as long as a site asks, spend the budget, and replay or revalidate
pages that are already in the store.
"""

from __future__ import annotations

import json
import sys
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest, ResponseDataLossError
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import HtmlResponse, Request, Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.asyncio import sleep

from scrapers.fetch.addresses import host_of
from scrapers.fetch.crawl import PRIVATE
from scrapers.fetch.pages import Page, content_sha256
from scrapers.fetch.rights import AGENT, TDMREP, robot_named
from scrapers.fetch.robots import forbidding_line, lines_for
from scrapers.source import request_headers

if TYPE_CHECKING:
    from scrapers.fetch.spider import ClueSpider

_ROBOTS_BYTES = 500 * 1024  # as much as RFC 9309 asks a crawler to read
_CONDITIONS = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
_DENY_ALL = b"User-agent: *\nDisallow: /"


def report(**event: Any) -> None:
    """One event to the parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class NotMade(IgnoreRequest):
    """A request that was not made; its text is the URL's outcome."""


def page_of(response: Response, url: str | None = None) -> Page:
    """A response as a page, of another URL where that is the one it is wanted for.

    Cookies are not kept. The robots tags for everybody come first: after those that begin with
    a robot's name they would be read as that robot's.
    """
    headers = {
        name.decode("latin-1").lower(): [value.decode("latin-1") for value in values]
        for name, values in response.headers.items()
    }
    headers.pop("content-encoding", None)  # the body is decoded
    headers.pop("set-cookie", None)
    headers.get("x-robots-tag", []).sort(key=lambda tag: robot_named(tag) is not None)
    return Page(
        url=url or response.url,
        status=response.status,
        headers={name: ", ".join(values) for name, values in headers.items()},
        body=response.body,
        encoding=response.encoding if isinstance(response, TextResponse) else None,
        retrieved_at=response.meta.get("retrieved_at") or datetime.now(UTC),
        content_sha256=content_sha256(response.body),
    )


def _is_document(request: Request) -> bool:
    """Whether a request is for robots.txt (Scrapy's own mark) or tdmrep.json."""
    return bool(request.meta.get("dont_obey_robotstxt") or request.meta.get("document"))


def _spider(crawler: Crawler) -> ClueSpider:
    """The spider that the crawler runs; there is no other."""
    return cast("ClueSpider", crawler.spider)


class Middleware:
    """What knows the crawler."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Middleware:
        return cls(crawler)


class SameSites(Middleware):
    """Refuses what the spider has no business with, whatever link or redirect asks for it.

    A site's documents may lie elsewhere, but not in a private network.
    """

    def process_request(self, request: Request) -> None:
        refusal = _spider(self.crawler).refusal(request.url)
        if refusal and not (refusal == "off-site" and _is_document(request)):
            raise NotMade(refusal)


class SourceHeaders(Middleware):
    """Gives each request the headers that the source wants for its URL, and no other URL's.

    A site's documents are asked for without them.
    """

    def process_request(self, request: Request) -> None:
        for name in request.meta.pop("source_headers", ()):  # of the URL that redirected here
            request.headers.pop(name, None)
        source = _spider(self.crawler).source
        if source and not _is_document(request):
            headers = request_headers(source, request.url)
            request.headers.update(headers)
            request.meta["source_headers"] = tuple(headers)


class ObeyRobots(RobotsTxtMiddleware):
    """Scrapy's own takes a robots.txt that it cannot read for permission; this one stops.

    By RFC 9309: a 4xx means that there are no rules, a 5xx or no answer that nothing is allowed.
    429 counts as no answer. A `Crawl-delay` is kept. What a source uses as an API, under terms of
    its own, is not a page that crawlers are kept from.
    """

    def process_request_2(self, rp: Any, request: Request) -> None:
        spider = _spider(self.crawler)
        netloc = urlsplit(request.url).netloc
        if netloc in spider.robots_problem:
            raise NotMade("robots unreadable")
        if rp.allowed(request.url, AGENT) or spider.api_terms:
            return
        spider.rules[request.url] = forbidding_line(spider.robots_txt[netloc], AGENT, request.url)
        raise NotMade("robots-forbidden")

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        there, absent = response.status // 100 == 2, response.status // 100 == 4
        if response.status == 429 or not (there or absent):
            raise ConnectionError(f"it answered {response.status}")
        body = response.body[:_ROBOTS_BYTES] if there else b""
        response = response.replace(body=body)
        spider = _spider(self.crawler)
        spider.robots_txt[netloc] = body.decode(errors="replace")
        spider.keep_document(page_of(response, urljoin(request.url, "/robots.txt")))
        if spider.dry_run:
            says = f"{len(lines_for(spider.robots_txt[netloc], AGENT))} lines for {AGENT}"
            report(log=f"robots.txt of {netloc} was read: {says if there else 'there is none'}")
        await super()._parse_robots(response, netloc, request)
        self._keep_crawl_delay(netloc)

    def _keep_crawl_delay(self, netloc: str) -> None:
        delay_s = self._parsers[netloc].crawl_delay(AGENT)
        throttle = self.crawler.get_extension(AutoThrottle)
        if delay_s and throttle:
            throttle.mindelay = max(throttle.mindelay, delay_s)
            throttle.maxdelay = max(throttle.maxdelay, delay_s)
            downloader = self.crawler.engine.downloader
            downloader._delay = max(downloader._delay, delay_s)
            for slot in downloader.slots.values():
                slot.delay = max(slot.delay, delay_s)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        problem = str(exc) or type(exc).__name__
        if urlsplit(f"//{netloc}").hostname in _spider(self.crawler).refused_hosts:
            problem = PRIVATE
        _spider(self.crawler).robots_problem[netloc] = problem
        report(netloc=netloc, robots_problem=problem)
        waiting = self._parsers[netloc]
        self._parsers[netloc] = self._parserimpl.from_crawler(self.crawler, _DENY_ALL)
        waiting.callback(self._parsers[netloc])


class ReadReservations(Middleware):
    """Reads a site's tdmrep.json before its first page, unless robots.txt forbids just that.

    Where it gives no answer none is kept, not even an older one: it is then read as a reservation.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.asked: set[str] = set()

    async def process_request(self, request: Request) -> None:
        spider = _spider(self.crawler)
        url = urljoin(request.url, TDMREP)
        if _is_document(request) or spider.dry_run or url in self.asked:
            return
        self.asked.add(url)
        spider.store.documents.forget(url)
        asking = Request(url, meta={"document": True}, callback=NO_CALLBACK, priority=1000)
        try:
            response = await self.crawler.engine.download_async(asking)
        except Exception as error:  # whatever it is, the pages come all the same
            report(log=f"{url} cannot be read ({error}): taken as a reservation of training")
        else:
            spider.keep_document(page_of(response, url))


class Patience(RetryMiddleware):
    """Waits as long as a site asks by `Retry-After`, then asks again; too long a wait ends it.

    Nothing else is asked for meanwhile. A 200 that asks to come again is no page: so the MediaWiki
    API answers when it is busy.
    """

    async def process_response(self, request: Request, response: Response) -> Request | Response:
        if request.meta.pop("cut", False):
            if once_more := self._retry(request, "cut"):
                return once_more
            raise ResponseDataLossError
        if response.status == 200 and "Retry-After" in response.headers:
            response = response.replace(status=503)
        again: Request | Response = super().process_response(request, response)
        asked_s = _retry_after_s(response) if isinstance(again, Request) else None
        if asked_s is None:
            return again
        if asked_s > self.crawler.settings.getfloat("MAX_WAIT"):
            raise NotMade("asked to wait too long")
        said = f"{host_of(request.url)} answered {response.status}"
        report(log=f"{said} and asks to wait {asked_s:.0f} s: waiting")
        await sleep(asked_s)
        return again


def _retry_after_s(response: Response) -> float | None:
    """The seconds of a `Retry-After`, which is a number or a date; None where there is none."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _is_cut(response: Response, limit: int) -> bool:
    """Whether a gzip body ends before its end: the only sign of a cut where no length was told.

    Scrapy takes what there is. What is larger than `limit` is for others to refuse.
    """
    if response.headers.get("Content-Encoding") not in (b"gzip", b"x-gzip"):
        return False
    stream, rest, size = zlib.decompressobj(wbits=31), response.body, 0
    try:
        while rest and not stream.eof and size <= limit:
            size += len(stream.decompress(rest, 1 << 16))
            rest = stream.unconsumed_tail
    except zlib.error:  # not a cut one but none at all
        return False
    return not stream.eof and size <= limit


class Visit(Middleware):
    """Spends the budget, and asks the site only for what the store does not have or know fresh.

    In a dry run nothing is asked for; older pages of the store stand for what they would be now.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.spent = 0

    def process_request(self, request: Request) -> Response | None:
        if _is_document(request):
            return None
        spider = _spider(self.crawler)
        page = spider.store.load(request.url)
        if page and page.retrieved_at >= spider.fresh_since:
            return self._replay(request, page, "kept")
        if self.spent >= spider.job["max_pages"]:
            raise NotMade("over budget")
        self.spent += 1
        if spider.dry_run and page:
            return self._replay(request, page, "would ask whether it changed")
        if spider.dry_run:
            raise NotMade("would fetch")
        if page:
            request.meta["stored"] = page
            for ask, validator in _CONDITIONS:
                if validator in page.headers:
                    request.headers[ask] = page.headers[validator]
        return None

    def process_response(self, request: Request, response: Response) -> Response:
        request.meta["cut"] = _is_cut(response, self.crawler.settings.getint("DOWNLOAD_MAXSIZE"))
        page = request.meta.get("stored")
        if page and response.status == 304:
            return self._replay(request, page, "unchanged")
        return response

    def _replay(self, request: Request, page: Page, flag: str) -> Response:
        request.meta["retrieved_at"] = None if flag == "unchanged" else page.retrieved_at
        facts: dict[str, Any] = {
            "status": page.status,
            "headers": dict(page.headers),
            "body": page.body,
        }
        if page.encoding:
            return HtmlResponse(page.url, encoding=page.encoding, flags=[flag], **facts)
        return Response(page.url, flags=[flag], **facts)
