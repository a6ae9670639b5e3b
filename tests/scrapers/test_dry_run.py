"""`scrape --dry-run`: what would be done; robots.txt is read and nothing else, nothing written."""

from __future__ import annotations

from pathlib import Path

from georeasoner.lake import Lake
from scrapers.fetch.siteserver import Answer, Asked, serve
from scrapers.stage import scrape

HTML = {"Content-Type": "text/html"}
PAGE = (
    '<link rel="canonical" href="https://a.example/{0}"><main><h2>Japan</h2><h4>Pole</h4>'
    '<p>Poles {0} are striped in Japan.</p></main><footer><a rel="license" href="/">CC0 1.0</a>'
    '</footer><a href="/b.html">b</a><a href="/private/c.html">c</a>'
    '<a href="https://other.example/">o</a><a href="/d.html">d</a>'
)


def test_before_and_after_a_first_run(georeasoner, tmp_path: Path) -> None:
    asked: list[Asked] = []
    answers = {
        "/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
        "/": Answer(200, HTML, PAGE.format("a").encode()),
        "/b.html": Answer(200, HTML, PAGE.format("b").encode()),
    }
    lake = tmp_path / "lake"
    with serve(tmp_path, answers.get, asked) as url:

        def dry(*options: str) -> list[str]:
            words = ("clueworld", "--lake", lake, "--start-url", url, "--dry-run", *options)
            done = georeasoner("scrape", *words)
            assert done.code == 0, done.err
            assert "robots.txt of 127.0.0.1" in done.err and "1 lines for GeoReasoner" in done.err
            return sorted(done.out.replace(url, "/").splitlines())

        assert dry() == ["would fetch\t/"]
        assert not lake.exists()
        assert [a.path for a in asked] == ["/robots.txt"]

        scrape(Lake.create(lake), "clueworld", start_url=url)
        files = {p: p.stat().st_mtime_ns for p in lake.rglob("*")}
        asked.clear()
        assert dry() == [
            "kept\t/",
            "kept\t/b.html",
            "off-site\thttps://other.example/",
            "robots-forbidden\t/private/c.html\tDisallow: /private/",
            "would fetch\t/d.html",
        ]
        assert [a.path for a in asked] == ["/robots.txt"]
        assert {p: p.stat().st_mtime_ns for p in lake.rglob("*")} == files


def test_a_site_that_forbids_is_refused_as_it_would_be(georeasoner, tmp_path: Path) -> None:
    answers = {"/robots.txt": Answer(body=b"User-agent: GeoReasoner\nDisallow: /\n")}
    with serve(tmp_path, answers.get) as url:
        words = ("clueworld", "--lake", tmp_path / "lake", "--start-url", url, "--dry-run")
        done = georeasoner("scrape", *words)
    assert done.code == 2 and done.out == ""
    assert f"forbids fetching {url} (Disallow: /); expected" in done.err


def test_older_pages_would_be_asked_for_conditionally(tmp_path: Path) -> None:
    from scrapers.fetch.crawl import CrawlSettings, crawl
    from scrapers.fetch.pages import PageStore

    answers = {"/": Answer(200, HTML, b'<a href="/b.html">')}
    store = PageStore(tmp_path / "pages")
    with serve(tmp_path, answers.get) as url:
        crawl("clueworld", [url], store, CrawlSettings())
        stale = CrawlSettings(max_age_h=0)
        report = crawl("clueworld", [url], store, stale, dry_run=True)
        assert report.outcomes == {
            url: "would ask whether it changed",
            url + "b.html": "would fetch",
        }
        budget = CrawlSettings(max_age_h=0, max_pages=1)
        report = crawl("clueworld", [url], store, budget, dry_run=True)
    assert list(report.outcomes.values()) == ["would ask whether it changed", "over budget"]
