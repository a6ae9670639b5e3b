"""`scrape`: from the site to rows of `clues`, twice, and where the site says no."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from georeasoner.clueworld import World
from georeasoner.errors import EmptyResultError, InputError
from georeasoner.lake import Lake
from scrapers.clueworld_site import ADDRESS, PAGES
from scrapers.clueworld_site.make_site import common_values
from scrapers.fetch.siteserver import Answer, serve
from scrapers.stage import clue_id, scrape


def expected_clues() -> int:
    """One sentence for each common value of each kind in each country, from the table alone."""
    world = World.load()
    return sum(len(common_values(world, k.name, c)) for c in world.countries for k in world.kinds)


def test_the_whole_site_becomes_clues_once(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    first = scrape(lake, "clueworld", delay_s=0)
    assert first.urls is not None
    assert first.urls.accepted == len(World.load().countries) + 3  # "/", index, general
    assert first.urls.excluded == {"robots-forbidden": 1, "off-site": 2} and not first.urls.rejected
    assert first.sentences.accepted == expected_clues()
    assert first.sentences.rejected == {"no place": 3}  # the sentences of general.html
    rows = lake.read("clues").to_pylist()
    assert len(rows) == expected_clues()
    kinds = {kind.name: kind.ade20k for kind in World.load().kinds}
    for row in rows:
        assert row["ade20k_classes"] == [kinds[row["category"]]]
        file = row["source_url"].removeprefix(ADDRESS)
        body = (PAGES / file).read_bytes()
        assert row["text"].encode() in body  # verbatim
        assert row["content_sha256"] == hashlib.sha256(body).hexdigest()
        assert row["countries"][0] == file.removesuffix(".html").upper()
        assert row["clue_id"] == clue_id("clueworld", row["source_url"], row["text"])
        assert row["license"] == "CC0 1.0" and row["ai_training_allowed"] and row["synthetic"]
        assert row["image_url"].startswith(ADDRESS + "img/") and row["retrieved_at"] is not None

    second = scrape(lake, "clueworld", delay_s=0)  # from another port
    assert second.sentences.accepted == 0
    assert second.sentences.excluded == {"already known": expected_clues()}
    assert lake.read("clues").to_pylist() == rows
    assert lake.count("rejects") == 3


def test_a_site_that_reserves_training_is_marked(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    shutil.copy(PAGES / "jp.html", site / "index.html")
    (site / "robots.txt").write_text("User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n")
    lake = Lake.create(tmp_path / "lake")
    with serve(site) as url:
        result = scrape(lake, "clueworld", start_url=url, delay_s=0)
    assert result.urls is not None
    assert result.urls.rejected == {"http 404": 1}  # general.html is linked and not there
    rows = lake.read("clues").to_pylist()
    assert rows and not any(row["ai_training_allowed"] for row in rows)


ROBOTS_500 = {"/robots.txt": Answer(500)}
ROBOTS_NO = {"/robots.txt": Answer(200, {}, b"User-agent: *\nDisallow: /\n")}
BROKEN = {"/": Answer(200, {"Content-Type": "text/html"}, b"<html><body>We moved.</body></html>")}
NO_TOPIC = {
    "/": Answer(
        200,
        {"Content-Type": "text/html"},
        b'<link rel="canonical" href="https://a.example/"><main></main>'
        b'<footer><a rel="license" href="x">CC0 1.0</a></footer>',
    )
}


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        (ROBOTS_500, InputError, r"robots.txt .* cannot be read \(it answered 500\)"),
        (ROBOTS_NO, InputError, r"robots.txt of .* forbids fetching .* \(Disallow: /\)"),
        (BROKEN, InputError, "has no canonical link"),
        (NO_TOPIC, EmptyResultError, "has not one sentence on 1 pages"),
    ],
)
def test_a_clear_line_instead_of_clues(
    tmp_path: Path,
    answers: dict[str, Answer],
    error: type[Exception],
    words: str,
) -> None:
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url, pytest.raises(error, match=words) as raised:
        scrape(lake, "clueworld", start_url=url, delay_s=0)
    assert "\n" not in str(raised.value)
    assert lake.count("clues") == 0
    assert lake.last_run("crawl-clueworld") is not None  # what became of the URLs is told


def test_a_site_that_forbids_yields_one_line_and_changes_nothing(
    georeasoner, tmp_path: Path
) -> None:
    """By the command line: exit 2, the rule is named, and what was there before stays."""
    lake = tmp_path / "lake"
    with serve(PAGES) as url:
        assert georeasoner("scrape", "clueworld", "--lake", lake, "--start-url", url).code == 0
    before = Lake.open(lake).state("clues", "rejects")
    answers = {"/robots.txt": Answer(200, {}, b"User-agent: *\nDisallow: /*.html\nDisallow: /\n")}
    with serve(tmp_path, answers.get) as url:
        start = url + "index.html"
        done = georeasoner("scrape", "clueworld", "--lake", lake, "--start-url", start)
    assert done.code == 2 and done.out == ""
    assert [line for line in done.err.splitlines() if "forbids" in line] == [
        f"error: robots.txt of {url[7:-1]} forbids fetching {start} (Disallow: /*.html); expected"
        " a site that allows crawling; nothing was fetched; ask its owners, or use another source"
    ]
    assert Lake.open(lake).state("clues", "rejects") == before


def test_pages_that_ask_not_to_be_indexed_yield_nothing_and_are_counted(tmp_path: Path) -> None:
    """Nor are the links of a page followed that says nofollow."""
    page = (PAGES / "jp.html").read_bytes()
    html = {"Content-Type": "text/html"}
    nofollow = page.replace(b"<head>", b'<head><meta name="robots" content="nofollow">')
    answers = {
        "/": Answer(200, html, nofollow.replace(b"</main>", b'</main><a href="/never">n</a>')),
        "/robots.txt": Answer(404),
    }
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url:
        scrape(lake, "clueworld", start_url=url)
        rows = lake.read("clues").to_pylist()
        assert rows and rows[0]["rights"] == ['<meta name="robots" content="nofollow">']
        assert lake.count("rejects") == 0
        answers["/"] = Answer(200, html | {"X-Robots-Tag": "noindex"}, page)
        result = scrape(Lake.create(tmp_path / "other"), "clueworld", start_url=url)
    assert result.sentences.excluded == {"noindex page": 1}
    assert result.sentences.accepted == 0


def test_a_source_that_refuses_does_not_keep_the_others_from_their_turn(
    georeasoner, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    lake = tmp_path / "lake"
    with serve(site) as closed, serve(PAGES) as free:
        sources = (f"clueworld:{closed}", f"clueworld:{free}")
        done = georeasoner("scrape", *sources, "--lake", lake)
    assert done.code == 2 and f"forbids fetching {closed}" in done.err.splitlines()[-1]
    assert Lake.open(lake).count("clues") == expected_clues()


def test_rights_follow_what_the_site_says_now(tmp_path: Path) -> None:
    """A reservation that comes later counts, and one that was only feared is lifted."""
    page = (PAGES / "jp.html").read_bytes()
    answers = {
        "/": Answer(200, {"Content-Type": "text/html"}, page),
        "/robots.txt": Answer(404),
        "/.well-known/tdmrep.json": Answer(503),
    }
    lake = Lake.create(tmp_path / "lake")
    with serve(PAGES) as other:
        scrape(lake, "clueworld", start_url=other)
    count = lake.count("clues")

    def said(url: str) -> set[tuple[bool, tuple[str, ...]]]:
        """Of the page's clues, which are there already; no row is lost or added."""
        result = scrape(lake, "clueworld", start_url=url)
        assert result.sentences.accepted == 0 and lake.count("clues") == count
        rows = [r for r in lake.read("clues").to_pylist() if r["source_url"].endswith("jp.html")]
        return {(row["ai_training_allowed"], tuple(row["rights"])) for row in rows}

    with serve(tmp_path, answers.get) as url:
        assert said(url) == {(False, ("tdmrep.json: not readable (http 503)",))}
        answers["/.well-known/tdmrep.json"] = Answer(404)
        assert said(url) == {(True, ())}
        answers["/robots.txt"] = Answer(body=b"User-agent: *\nContent-Usage: / train-ai=n")
        assert said(url) == {(False, ("robots.txt: Content-Usage: / train-ai=n",))}
    assert sum(lake.read("clues")["ai_training_allowed"].to_pylist()) > 0  # of the other pages
    run = lake.last_run("scrape-clueworld")
    assert run is not None and run["sums"]["notes"]["rights changed"] > 0
