"""`scrape html:PATH --as SOURCE`: pages that somebody saved, read by the source's own parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from georeasoner.lake import Lake
from scrapers.clueworld_site import ADDRESS, PAGES
from scrapers.stage import clue_id

JP = (PAGES / "jp.html").read_bytes()
CANONICAL = f'<link rel="canonical" href="{ADDRESS}jp.html">'.encode()
SAVED_FROM = "<!-- saved from url=(0035)http://mirror.example/guide/jp.html -->\n"


def test_a_saved_page_takes_nothing_from_what_the_site_said(georeasoner, tmp_path: Path) -> None:
    lake, file = tmp_path / "lake", tmp_path / "jp.html"
    file.write_bytes(JP)
    assert georeasoner("scrape", "clueworld", "--lake", lake).code == 0
    done = georeasoner("scrape", f"html:{file}", "--as", "clueworld", "--lake", lake)
    assert done.code == 0 and "0 accepted" in done.err and "rights changed" not in done.err
    assert all(Lake.open(lake).read("clues")["ai_training_allowed"].to_pylist())


def sources_of(lake: Path) -> set[tuple[str, str]]:
    return {(r["source"], r["source_url"]) for r in Lake.open(lake).read("clues").to_pylist()}


def test_a_folder_of_pages_is_read_as_if_it_had_been_crawled(georeasoner, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    (folder / "more").mkdir(parents=True)
    (folder / "jp.html").write_bytes(JP)
    (folder / "more" / "kr.HTM").write_bytes((PAGES / "kr.html").read_bytes())
    (folder / "style.css").write_text("p { color: red }")
    lake = tmp_path / "lake"
    done = georeasoner("scrape", f"html:{folder}", "--as", "clueworld", "--lake", lake)
    assert done.code == 0, done.err
    assert sources_of(lake) == {
        ("clueworld", ADDRESS + "jp.html"),
        ("clueworld", ADDRESS + "kr.html"),
    }
    for row in Lake.open(lake).read("clues").to_pylist():
        assert row["clue_id"] == clue_id("clueworld", row["source_url"], row["text"])
        assert row["license"] == "CC0 1.0"
        # the site was not asked, so nobody knows what it says about training
        assert row["ai_training_allowed"] is False
        assert row["rights"] == ["robots.txt and tdmrep.json: not read (a saved page)"]


@pytest.mark.parametrize(
    ("page", "where"),
    [
        (b'<meta property="og:url" content="https://b.example/jp">', "https://b.example/jp"),
        (SAVED_FROM.encode(), "http://mirror.example/guide/jp.html"),
    ],
)
def test_where_a_page_is_from(tmp_path: Path, page: bytes, where: str) -> None:
    from scrapers.fetch.saved import SavedPages

    file = tmp_path / "page.html"
    file.write_bytes(page + b"<html><body>text")
    (found,) = SavedPages("clueworld", str(file)).pages()
    assert found.url == where
    (told,) = SavedPages("clueworld", str(file), "https://c.example/").pages()
    assert told.url == "https://c.example/"


@pytest.mark.parametrize(
    ("body", "options", "said"),
    [
        (JP.replace(b"<main>", b"<div>"), "", "jp.html has no <main>; expected the text"),
        (JP.replace(CANONICAL, b""), "", "does not say where it is from; expected a canonical"),
        (JP.replace(CANONICAL, b""), "--url https://a.example/jp", "has no canonical link"),
        (JP, "--url ftp://a.example/", "does not say where it is from ('ftp://a.example/')"),
        (JP, "--dry-run", "--dry-run with --as"),
    ],
)
def test_a_page_without_its_structure_is_an_error_that_names_the_piece(
    georeasoner, tmp_path: Path, body: bytes, options: str, said: str
) -> None:
    (tmp_path / "jp.html").write_bytes(body)
    lake = tmp_path / "lake"
    words = (f"html:{tmp_path / 'jp.html'}", "--as", "clueworld", *options.split())
    done = georeasoner("scrape", *words, "--lake", lake)
    assert done.code == 2 and done.out == ""
    line = done.err.strip().splitlines()[-1]
    assert said in line
    assert not (lake / "clues").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("html:none --as clueworld", "there is no none"),
        ("html:empty --as clueworld", "empty holds no page"),
        ("html:two --as clueworld --url https://a.example/", "--url with the 2 pages of two"),
        ("html:two --as cluworld", "did you mean clueworld?"),
        ("clueworld --as clueworld", "--as clueworld with the source clueworld; expected html:"),
        ("clueworld --url https://a.example/", "--url without --as"),
    ],
)
def test_mistakes(
    georeasoner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("empty/readme.txt", "two/a.html", "two/b.html"):
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_bytes(JP)
    done = georeasoner("scrape", *words.split(), "--lake", "lake")
    assert done.code == 2 and said in done.err
