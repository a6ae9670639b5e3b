"""The spider against a small site of every kind of trouble, on loopback."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from georeasoner.errors import ConfigError
from scrapers.fetch.crawl import CrawlReport, CrawlSettings, crawl
from scrapers.fetch.pages import PageStore
from scrapers.fetch.rights import rights_of
from scrapers.fetch.siteserver import Answer, serve

HTML = {"Content-Type": "text/html"}
INDEX = b"""<a href="a.html">page</a> <a href="a.html#part">same page</a> <a
href="private/x.html">no</a>
<a href="http://127.0.0.1:1/">other port</a> <a href="file:///etc/passwd">file</a>
<a href="mailto:a@b.example">mail</a> <a href="gone.html">gone</a> <a href="to-a">redirect</a>
<a href="to-other">redirect out</a> <a href="to-file">redirect to file</a> <a href="loop">loop</a>
<a href="big">big</a> <a href="bomb">bomb</a> <a href="cut">cut</a> <a href="pic.jpg">picture</a>
<a href="slow">slow</a> <a href="http://[bad">not a URL</a>"""
TROUBLE = {
    "/": Answer(200, HTML, INDEX),
    "/a.html": Answer(200, HTML | {"ETag": '"1"'}, b'<p>text <a href="/">back</a>'),
    "/private/x.html": Answer(200, HTML, b"secret"),
    "/to-a": Answer(302, {"Location": "/a.html"}),
    "/to-other": Answer(302, {"Location": "http://127.0.0.1:1/"}),
    "/to-file": Answer(302, {"Location": "file:///etc/passwd"}),
    "/loop": Answer(302, {"Location": "/loop"}),
    "/big": Answer(200, HTML, b"x" * 200_001),
    "/bomb": Answer(200, HTML | {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 5_000_000)),
    "/cut": Answer(200, HTML | {"Content-Length": "999", "Connection": "close"}, b"half a pa"),
    "/pic.jpg": Answer(200, {"Content-Type": "image/jpeg"}, b"\xff\xd8\xff\xe0"),
}
QUICK = CrawlSettings(delay_s=0, timeout_s=1, retries=1, max_bytes=200_000)


def run(
    answer: Callable[[str], Answer | None], folder: Path, settings: CrawlSettings = QUICK
) -> tuple[CrawlReport, list[str]]:
    """Crawl a site made of answers; return the report and the paths asked for, in order."""
    asked: list[str] = []

    def note(path: str) -> Answer | None:
        asked.append(path)
        return answer(path)

    with serve(folder, note) as url:
        report = crawl(f"clueworld:{url}", [url], PageStore(folder / "pages"), settings)
        short = {
            k.replace(url, "/") if k.startswith(url) else k: v for k, v in report.outcomes.items()
        }
        landed = {k: p.replace(url, "/") for k, p in report.landed.items()}
    return replace(report, outcomes=short, landed=landed), asked


def trouble(path: str) -> Answer | None:
    if path == "/robots.txt":
        return Answer(body=b"User-agent: *\nDisallow: /private/\n")
    if path == "/slow":
        time.sleep(1.5)
    return TROUBLE.get(path)


def test_every_url_ends_in_one_outcome(tmp_path: Path) -> None:
    report, asked = run(trouble, tmp_path)
    assert report.outcomes == {
        "/": "fetched",
        "/a.html": "fetched",
        "/private/x.html": "robots-forbidden",
        "http://127.0.0.1:1/": "off-site",
        "file:///etc/passwd": "not http",
        "mailto:a@b.example": "not http",
        "/gone.html": "http 404",
        "/to-a": "fetched",
        "/to-other": "off-site",
        "/to-file": "http 302",
        "/loop": "too many redirects",
        "/big": "too large",
        "/bomb": "too large",
        "/cut": "connection failed",
        "/pic.jpg": "not a page",
        "/slow": "timeout",
    }
    assert report.pages == ("/", "/a.html")
    counts = Counter(asked)
    assert counts["/private/x.html"] == 0
    assert counts["/robots.txt"] == counts["/"] == counts["/a.html"] == 1
    assert counts["/cut"] == 2  # once, and one retry


def test_pages_are_kept_and_confirmed_not_fetched_again(tmp_path: Path) -> None:
    bodies = {"/": Answer(200, HTML, b'<a href="a.html">a</a>')}
    seen: list[str] = []

    def site(path: str) -> Answer:
        seen.append(path)
        if path == "/a.html" and seen.count(path) == 2:
            return Answer(304)
        return bodies.get(path) or TROUBLE.get(path) or Answer(404)

    store = PageStore(tmp_path / "pages")
    with serve(tmp_path, site) as url:

        def again(max_age_h: float) -> list[str]:
            settings = CrawlSettings(max_age_h=max_age_h)
            return sorted(crawl("clueworld", [url], store, settings).outcomes.values())

        assert again(24) == ["fetched", "fetched"]
        first = store.load(url + "a.html")
        assert first is not None and first.body == TROUBLE["/a.html"].body
        assert again(24) == ["kept", "kept"]
        assert seen.count("/") == seen.count("/a.html") == 1
        assert again(0) == ["fetched", "unchanged"]  # only a.html has a validator
        second = store.load(url + "a.html")
        assert second is not None and second.content_sha256 == first.content_sha256
        assert second.retrieved_at > first.retrieved_at
    assert len(list(store.pages())) == 2


def test_unreadable_robots_txt_means_stop(tmp_path: Path) -> None:
    answers = {"/robots.txt": Answer(429), "/": TROUBLE["/"]}
    report, asked = run(answers.get, tmp_path, CrawlSettings(delay_s=0, retries=0))
    assert list(report.robots_problem.values()) == ["it answered 429"]
    assert report.outcomes == {"/": "robots unreadable"}
    assert set(asked) == {"/robots.txt"}


def test_the_budget_counts_requests(tmp_path: Path) -> None:
    links = "".join(f'<a href="{n}.html">' for n in range(5)).encode()

    def site(path: str) -> Answer:
        return Answer(200 if path.endswith((".html", "/")) else 404, HTML, links)

    report, asked = run(site, tmp_path, CrawlSettings(max_pages=3))
    assert Counter(report.outcomes.values()) == {"fetched": 3, "over budget": 3}
    assert len(asked) == 5  # three pages; robots.txt and tdmrep.json, of which there are none
    (robots,) = [p for p in PageStore(tmp_path / "pages").documents.pages() if "robots" in p.url]
    assert (robots.status, robots.body) == (404, b"")


def test_crawl_delay_is_kept(tmp_path: Path) -> None:
    times: list[float] = []

    def site(path: str) -> Answer:
        if path == "/robots.txt":
            return Answer(body=b"User-agent: *\nCrawl-delay: 1\n")
        if "tdmrep" in path:
            return Answer(404)
        times.append(time.monotonic())
        return Answer(200, HTML, b'<a href="a.html">')

    run(site, tmp_path)
    assert len(times) == 2 and times[1] - times[0] >= 0.99


def test_user_agent_names_program_and_contact() -> None:
    agent = CrawlSettings(contact="mailto:me@example.org").user_agent
    assert agent.startswith("GeoReasoner/") and agent.endswith(" (+mailto:me@example.org)")


@pytest.mark.parametrize(
    ("urls", "word"),
    [(["http://a.example", "file:///etc/passwd"], "http"), ([], "at least one")],
)
def test_start_urls_are_web_addresses(tmp_path: Path, urls: list[str], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        crawl("clueworld", urls, PageStore(tmp_path), QUICK)


def test_a_killed_crawl_leaves_whole_pages_and_no_orphan(tmp_path: Path) -> None:
    """The caller is killed while pages come in; the spider ends, and the next run goes on."""
    links = "".join(f'<a href="{n}.html">' for n in range(10)).encode()
    asked: list[str] = []

    def site(path: str) -> Answer:
        if "tdmrep" in path or path == "/robots.txt":
            return Answer(404)
        asked.append(path)
        time.sleep(0.1)
        return Answer(200, HTML, links)

    script = (
        "import sys; from pathlib import Path; from scrapers.fetch.crawl import *\n"
        "crawl('clueworld', [sys.argv[1]], PageStore(Path(sys.argv[2])), CrawlSettings())"
    )
    store = PageStore(tmp_path / "pages")
    with serve(tmp_path, site) as url:
        caller = subprocess.Popen([sys.executable, "-c", script, url, str(store.folder)])
        until = time.monotonic() + 20
        while len(asked) < 4 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(caller.pid, signal.SIGKILL)
        caller.wait()
        time.sleep(1.5)  # the spider looks for its parent once a second
        stopped_at = len(asked)
        time.sleep(0.5)
        assert 4 <= len(asked) == stopped_at < 11
        saved = list(store.pages())
        assert saved and all(page.body == links for page in saved)
        report = crawl("clueworld", [url], store, CrawlSettings())
    assert Counter(report.outcomes.values()) == {"kept": len(saved), "fetched": 11 - len(saved)}


def test_tags_for_everybody_are_not_read_as_those_of_the_robot_before(tmp_path: Path) -> None:
    """Two headers of one name, as a server with two modules sends them; a cookie is not kept."""
    tags = {"X-Robots-Tag": "otherbot: noindex, nofollow", "x-robots-tag": "max-snippet: 9, noai"}
    headers = HTML | tags | {"Set-Cookie": "session=1"}
    answers = {"/": Answer(200, headers, b'<a href="/a.html">'), "/a.html": TROUBLE["/a.html"]}
    report, _ = run(answers.get, tmp_path)
    assert report.outcomes == {"/": "fetched", "/a.html": "fetched"}
    (page,) = [p for p in PageStore(tmp_path / "pages").pages() if "x-robots-tag" in p.headers]
    assert page.headers["x-robots-tag"] == "max-snippet: 9, noai, otherbot: noindex, nofollow"
    assert "set-cookie" not in page.headers
    rights = rights_of(page)
    assert not rights.training and rights.text and rights.links
