"""What servers do wrong, each on loopback by a real one: nothing is lost, and nothing is fetched
that should not be."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import brotli
import pytest

from georeasoner.errors import InputError
from georeasoner.lake import Lake
from scrapers.fetch.crawl import CrawlReport, CrawlSettings, crawl, raise_if_refused
from scrapers.fetch.pages import PageStore
from scrapers.fetch.rights import TDMREP
from scrapers.fetch.siteserver import Answer, Asked, serve
from scrapers.source import html_links, open_source, soup
from scrapers.stage import scrape

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HTML = {"Content-Type": "text/html"}
MIB = 1 << 20
QUICK = CrawlSettings(delay_s=0, timeout_s=5, retries=1, max_bytes=MIB, max_wait_s=2)

Site = Callable[[str], Answer | None]


@dataclass
class Crawled:
    """A crawl of a site on loopback: outcomes by path, what was asked for, what was logged."""

    report: CrawlReport
    outcomes: dict[str, str]
    asked: Counter[str]
    store: PageStore
    start: str
    requests: list[Asked] = field(default_factory=list)


def crawled(folder: Path, site: Site, settings: CrawlSettings = QUICK) -> Crawled:
    asked: list[Asked] = []
    store = PageStore(folder / "pages")
    with serve(folder, site, asked) as url:
        report = crawl(f"clueworld:{url}", [url], store, settings)
    outcomes = {k.removeprefix(url.rstrip("/")): v for k, v in report.outcomes.items()}
    return Crawled(report, outcomes, Counter(a.path for a in asked), store, url, asked)


def pages(**answers: Answer | Callable[[], Answer]) -> Site:
    """A site whose index links to the pages named; robots.txt and tdmrep.json are not there."""
    index = "".join(f'<a href="/{name}">{name}</a> ' for name in answers)

    def site(path: str) -> Answer | None:
        if path == "/":
            return Answer(200, HTML, index.encode())
        answer = answers.get(path.strip("/"))
        return answer() if callable(answer) else answer

    return site


class Sent:
    """Endless zeros in parts of a MiB, up to `total`; counts what was asked for."""

    def __init__(self, total: int) -> None:
        self.total, self.sent = total, 0

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < self.total:
            self.sent += MIB
            yield bytes(MIB)


def test_answers_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    """Two GiB, with and without a length, and bombs in every encoding that is asked for."""
    told, untold, zeros = Sent(2 << 30), Sent(2 << 30), bytes(50 * MIB)
    report = crawled(
        tmp_path,
        pages(
            told=Answer(200, HTML | {"Content-Length": str(2 << 30)}, told),
            untold=Answer(200, HTML, untold),
            gzip=Answer(200, HTML | {"Content-Encoding": "gzip"}, gzip.compress(zeros)),
            twice=Answer(
                200,
                HTML | {"Content-Encoding": "gzip, gzip"},
                gzip.compress(gzip.compress(zeros)),
            ),
            deflate=Answer(200, HTML | {"Content-Encoding": "deflate"}, zlib.compress(zeros)),
            br=Answer(200, HTML | {"Content-Encoding": "br"}, brotli.compress(zeros, quality=1)),
            zstd=Answer(200, HTML | {"Content-Encoding": "zstd"}, zstd.compress(zeros)),
            fine=Answer(200, HTML | {"Content-Encoding": "br"}, brotli.compress(b"<p>fine")),
        ),
    )
    assert report.outcomes == {
        "/": "fetched",
        "/told": "too large",
        "/untold": "too large",
        "/gzip": "too large",
        "/twice": "too large",
        "/deflate": "too large",
        "/br": "too large",
        "/zstd": "too large",
        "/fine": "fetched",
    }
    # Beyond what was read there is what the sockets hold: far less than the 2,048 MiB offered.
    assert told.sent <= 64 * MIB and untold.sent <= 64 * MIB
    assert report.asked["/told"] == report.asked["/untold"] == 1
    assert all(len(page.body) <= MIB for page in report.store.pages())
    encodings = {a.headers["accept-encoding"] for a in report.requests}
    assert encodings == {"gzip, deflate, br, zstd"}


def test_a_site_that_asks_to_wait_is_waited_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    times: dict[str, list[datetime]] = {"busy": [], "date": [], "down": []}

    def busy(name: str, status: int, wait: Callable[[], str]) -> Callable[[], Answer]:
        def answer() -> Answer:
            times[name].append(datetime.now(UTC))
            first = len(times[name]) == 1
            return Answer(status, {"Retry-After": wait()}) if first else Answer(200, HTML, b"ok")

        return answer

    def soon() -> str:
        return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)

    report = crawled(
        tmp_path,
        pages(
            busy=busy("busy", 429, lambda: "1"),
            date=busy("date", 503, soon),
            down=busy("down", 503, lambda: "soon"),
            later=Answer(429, {"Retry-After": "3600"}),
            always=Answer(429, {"Retry-After": "0"}),
        ),
    )
    assert report.outcomes == {
        "/": "fetched",
        "/busy": "fetched",
        "/date": "fetched",
        "/down": "fetched",  # a word that is no time is none: an ordinary retry
        "/later": "asked to wait too long",
        "/always": "http 429",
    }
    assert report.asked["/later"] == 1 and report.asked["/always"] == 2
    assert times["busy"][1] - times["busy"][0] >= timedelta(seconds=1)
    assert times["date"][1] - times["date"][0] >= timedelta(seconds=0.9)  # dates have no fractions
    said = capfd.readouterr().err
    assert "127.0.0.1 answered 429 and asks to wait 1 s: waiting" in said


def test_what_fails_is_told_and_the_rest_is_fetched(tmp_path: Path) -> None:
    half = gzip.compress(os.urandom(5000))[:2000]
    report = crawled(
        tmp_path,
        pages(
            broken=Answer(500),
            cut=Answer(200, HTML | {"Content-Length": "999", "Connection": "close"}, b"half a pa"),
            cutzip=Answer(
                200,
                HTML | {"Content-Encoding": "gzip", "Content-Length": "5040"}
                | {"Connection": "close"},
                half,
            ),
            notzip=Answer(200, HTML | {"Content-Encoding": "gzip"}, b"<p>not compressed at all"),
            loop=Answer(302, {"Location": "/loop2"}),
            loop2=Answer(302, {"Location": "/loop"}),
            nowhere=Answer(302),
            tomail=Answer(302, {"Location": "mailto:a@b.example"}),
            pdf=Answer(200, {"Content-Type": "application/pdf"}, b"%PDF"),
            json=Answer(200, {"Content-Type": "application/json"}, b'{"a": 1}'),
            last=Answer(200, HTML, b"<p>last"),
        ),
    )  # fmt: skip
    assert report.outcomes == {
        "/": "fetched",
        "/broken": "http 500",
        "/cut": "connection failed",
        "/cutzip": "connection failed",
        "/notzip": "unreadable answer",
        "/loop": "too many redirects",
        "/loop2": "too many redirects",
        "/nowhere": "http 302",
        "/tomail": "unreadable answer",
        "/pdf": "not a page",
        "/json": "fetched",
        "/last": "fetched",
    }
    assert report.asked["/broken"] == report.asked["/cut"] == 2  # once, and one retry
    kept = {page.url.removeprefix(report.start) for page in report.store.pages()}
    assert kept == {"", "json", "last"}


def test_html_nested_ten_thousand_deep(tmp_path: Path) -> None:
    """It is fetched, its links are followed, and a parser finds what lies at the bottom."""
    deep = b"<div>" * 10_000 + b'<p>Deep.</p><a href="/below">b</a>' + b"</div>" * 10_000
    report = crawled(tmp_path, pages(deep=Answer(200, HTML, b"<html><body>" + deep)))
    assert report.outcomes["/deep"] == "fetched" and report.outcomes["/below"] == "http 404"
    page = report.store.load(report.start + "deep")
    assert page is not None
    assert soup(page).select_one("p").get_text() == "Deep."  # type: ignore[union-attr]
    assert list(html_links(page)) == [report.start + "below"]
    with pytest.raises(InputError, match="has no canonical link"):
        list(open_source("clueworld").parse(page))


PRIVATE = (
    "http://10.0.0.1/",
    "http://192.168.1.1/admin",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[fd00::1]/",
    "http://localhost/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://metadata.google.internal/",
)


def test_links_and_redirects_into_a_private_network_are_refused(tmp_path: Path) -> None:
    index = "".join(f'<a href="{url}">x</a>' for url in (*PRIVATE, "file:///etc/passwd", "/over"))
    answers = {
        "/": Answer(200, HTML, index.encode()),
        "/over": Answer(302, {"Location": "http://169.254.169.254/latest/"}),
    }
    report = crawled(tmp_path, answers.get)
    assert report.outcomes == {
        "/": "fetched",
        **dict.fromkeys(PRIVATE, "private address"),
        "file:///etc/passwd": "not http",
        "/over": "private address",
    }


NAMES = """
import socket

_ask = socket.getaddrinfo
_NAMES = {"rebound.example": "127.0.0.1", "here.internal": "127.0.0.1"}


def getaddrinfo(host, *args, **kwargs):
    return _ask(_NAMES.get(host, host), *args, **kwargs)


socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the spider's process two names lead to this machine, as a foreign DNS could have it."""
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NAMES)
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


def test_a_public_name_that_leads_to_a_private_address_is_refused(
    tmp_path: Path, names: None
) -> None:
    """Decided at the address that would be connected to; a name that says it is local may be."""
    asked: list[Asked] = []
    answers = {"/": Answer(200, HTML, b"secret")}
    store = PageStore(tmp_path / "pages")
    with serve(tmp_path, answers.get, asked) as url:
        port = url.rpartition(":")[2]
        public, local = f"http://rebound.example:{port}", f"http://here.internal:{port}"
        report = crawl(f"clueworld:{public}", [public], store, QUICK)
        assert report.robots_problem and not asked
        assert crawl(f"clueworld:{local}", [local], store, QUICK).outcomes == {local: "fetched"}
    with pytest.raises(InputError, match=r"rebound\.example:\d+ leads into a private network"):
        raise_if_refused(report, [public])


def test_robots_txt_may_lie_elsewhere_but_not_in_a_private_network(tmp_path: Path) -> None:
    asked: list[Asked] = []
    other = {"/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private")}
    with serve(tmp_path, other.get, asked) as elsewhere:
        answers = {
            "/robots.txt": Answer(301, {"Location": elsewhere + "robots.txt"}),
            "/": Answer(200, HTML, b'<a href="/private">'),
            "/private": Answer(200, HTML, b"secret"),
        }
        report = crawled(tmp_path, answers.get)
    assert report.outcomes == {"/": "fetched", "/private": "robots-forbidden"}
    assert report.report.rules == {report.start + "private": "Disallow: /private"}
    assert [a.path for a in asked] == ["/robots.txt"]

    answers["/robots.txt"] = Answer(301, {"Location": "http://192.168.0.1/robots.txt"})
    report = crawled(tmp_path / "again", answers.get)
    assert report.outcomes == {"/": "robots unreadable"}
    assert list(report.report.robots_problem.values()) == ["private address"]


STRUCTURE = (
    '<html><head><link rel="canonical" href="https://a.example/{0}"></head><body><main>'
    "<h2>Japan</h2><h4>Pole</h4><p>Poles {0} are striped in Japan.</p></main>"
    '<footer><a rel="license" href="/">CC0 1.0</a></footer><a href="/ok2">next</a>'
    '<a href="/soft404">gone</a></body></html>'
)


def test_an_error_page_with_status_200_is_a_reject_that_names_the_missing_piece(
    tmp_path: Path,
) -> None:
    """One page without the structure does not spoil the others, nor does it pass in silence."""
    answers = {
        "/": Answer(200, HTML, STRUCTURE.format("one").encode()),
        "/ok2": Answer(200, HTML, STRUCTURE.format("two").encode()),
        "/soft404": Answer(200, HTML, b"<h1>Sorry, this page does not exist</h1>"),
    }
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url:
        result = scrape(lake, "clueworld", start_url=url)
        again = scrape(lake, "clueworld", start_url=url)
    assert result.urls is not None and result.urls.accepted == 3
    assert result.sentences.accepted == 2 and result.sentences.rejected == {"missing piece": 1}
    assert again.sentences.excluded == {"already known": 2}
    (reject,) = [r for r in lake.read("rejects").to_pylist() if r["reason"] == "missing piece"]
    assert reject["input_id"] == url + "soft404" and "has no canonical link" in reject["detail"]


def test_a_page_that_has_its_structure_again_is_no_reject_any_more(tmp_path: Path) -> None:
    answers = {
        "/": Answer(200, HTML, STRUCTURE.format("one").encode()),
        "/ok2": Answer(200, HTML, b"<h1>Sorry</h1>"),
        "/soft404": Answer(404),
    }
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url:
        assert scrape(lake, "clueworld", start_url=url).sentences.rejected == {"missing piece": 1}
        answers["/ok2"] = Answer(200, HTML, STRUCTURE.format("two").encode())
        store = PageStore(lake.root / "pages" / "clueworld")
        store.forget(url + "ok2")
        assert scrape(lake, "clueworld", start_url=url).sentences.rejected == {}
    reasons = [row["reason"] for row in lake.read("rejects").to_pylist()]
    assert reasons == ["http 404"]


@pytest.mark.parametrize(
    ("answer", "allowed", "signal"),
    [
        (Answer(404), True, None),
        (
            Answer(200, {"Content-Type": "application/json"}, b'[{"location":"/","tdm-res'),
            False,
            "tdmrep.json: not readable (not JSON)",
        ),
        (Answer(500), False, "tdmrep.json: not readable (http 500)"),
        (
            Answer(
                200,
                {"Content-Type": "application/json"},
                json.dumps([{"location": "/", "tdm-reservation": 1}]).encode(),
            ),
            False,
            'tdmrep.json: {"location": "/", "tdm-reservation": 1}',
        ),
    ],
)
def test_reservations_of_a_site_reach_its_clues(
    tmp_path: Path, answer: Answer, allowed: bool, signal: str | None
) -> None:
    answers = {
        "/": Answer(200, HTML, STRUCTURE.format("one").encode()),
        TDMREP: answer,
        "/robots.txt": Answer(body=b"User-agent: *\nContent-Signal: search=yes\nAllow: /\n"),
    }
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url:
        scrape(lake, "clueworld", start_url=url)
    (clue,) = lake.read("clues").to_pylist()
    assert clue["ai_training_allowed"] is allowed
    expected = ["robots.txt: Content-Signal: search=yes"] + ([signal] if signal else [])
    assert clue["rights"] == expected
    kept = PageStore(lake.root / "pages" / "clueworld").documents.pages()
    assert {page.url.removeprefix(url.rstrip("/")): page.status for page in kept} == {
        "/robots.txt": 200,
        TDMREP: answer.status,
    }
