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
        (ROBOTS_NO, InputError, "robots.txt .* forbids fetching it"),
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
