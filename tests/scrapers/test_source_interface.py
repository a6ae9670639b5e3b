"""What a source may say of its requests and links: headers, paths, several sites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from georeasoner.errors import InputError
from georeasoner.lake import Lake
from scrapers.fetch.crawl import CrawlSettings, crawl
from scrapers.fetch.pages import PageStore
from scrapers.fetch.siteserver import Answer, Asked, serve
from scrapers.stage import scrape

TWO_SITES = """
import os


class Source:
    def __init__(self, argument=None):
        self.starts = argument.split(",")

    def start_urls(self):
        return nullcontext(self.starts)

    def request_headers(self, url):
        if url.startswith(self.starts[0]):
            return {"Authorization": "Bearer " + os.environ["TWO_SITES_KEY"]}
        return {"X-Key": "second"}

    def follows(self, url):
        return "/guide" in url

    def links(self, page):
        return html_links(page) if page.body.startswith(b"<") else iter(())

    def parse(self, page):
        return iter(())
"""
HTML = {"Content-Type": "text/html"}


def test_headers_paths_and_sites_are_the_sources_own(
    tmp_path: Path, install_source: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of one site never reaches another, nor the store; each site has its robots.txt."""
    install_source("twosites", TWO_SITES)
    monkeypatch.setenv("TWO_SITES_KEY", "s3cret")
    asked: dict[str, list[Asked]] = {"a": [], "b": []}

    second_site = {
        "/robots.txt": Answer(body=b"User-agent: *\nDisallow: /guide/private"),
        "/": Answer(200, {"Content-Type": "application/json"}, b'{"page": 1}'),
        "/guide/there": Answer(200, HTML, b"a page"),
    }
    with serve(tmp_path, second_site.get, asked["b"]) as second:
        links = f'<a href="/guide/over"> <a href="/shop"> <a href="{second}guide/private">'
        first_site = {
            "/robots.txt": Answer(404),
            "/": Answer(200, HTML, links.encode()),
            "/guide/over": Answer(302, {"Location": second + "guide/there"}),
        }
        store = PageStore(tmp_path / "pages")
        with serve(tmp_path, first_site.get, asked["a"]) as first:
            report = crawl(f"twosites:{first},{second}", [first, second], store, CrawlSettings())
    assert report.outcomes == {
        first: "fetched",
        second: "fetched",
        first + "guide/over": "fetched",
        first + "shop": "not followed",
        second + "guide/private": "robots-forbidden",
    }
    sent = {
        (site, request.path): (request.headers.get("authorization"), request.headers.get("x-key"))
        for site, requests in asked.items()
        for request in requests
        if "tdmrep" not in request.path
    }
    assert sent == {
        ("a", "/robots.txt"): (None, None),
        ("b", "/robots.txt"): (None, None),
        ("a", "/"): ("Bearer s3cret", None),
        ("a", "/guide/over"): ("Bearer s3cret", None),
        ("b", "/"): (None, "second"),
        ("b", "/guide/there"): (None, "second"),
    }
    kept = [p for p in store.folder.rglob("*") if p.is_file()]
    assert kept and not any(b"s3cret" in p.read_bytes() for p in kept)


AN_API = """
class Source:
    api_terms = "https://a.example/terms"

    def __init__(self, argument=None):
        self.start = argument

    def start_urls(self):
        return nullcontext((self.start,))

    def links(self, page):
        return iter(())

    def parse(self, page):
        import json

        for text in json.loads(page.body)["texts"]:
            yield Passage(text, page.url, "CC0-1.0", page_countries=("JP",))
"""


def test_an_api_is_used_under_its_own_terms_and_the_site_is_still_heard(
    tmp_path: Path, install_source: Callable[[str, str], None]
) -> None:
    """robots.txt keeps crawlers of pages away; its word on training counts, and it must answer."""
    install_source("anapi", AN_API)
    body = b'{"texts": ["Poles are striped in Japan."]}'
    robots = b"User-agent: *\nDisallow: /\nContent-Signal: ai-train=no\n"
    headers = {"Content-Type": "application/json", "X-Robots-Tag": "noindex"}
    answers = {"/robots.txt": Answer(body=robots), "/api?x=1": Answer(200, headers, body)}
    lake = Lake.create(tmp_path / "lake")
    with serve(tmp_path, answers.get) as url:
        scrape(lake, "anapi", start_url=url + "api?x=1", contact="me@a.example")
        (clue,) = lake.read("clues").to_pylist()
        answers["/robots.txt"] = Answer(500)
        with pytest.raises(InputError, match="cannot be read"):
            scrape(lake, "anapi", start_url=url + "api?x=1", contact="me@a.example")
    assert clue["ai_training_allowed"] is False
    assert clue["rights"] == [
        "API used under https://a.example/terms",
        "robots.txt: Content-Signal: ai-train=no",
        "x-robots-tag header: noindex",
    ]
