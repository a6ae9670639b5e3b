"""Reddit: a listing page by page, with a key that stays where it belongs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from georeasoner.errors import ConfigError, InputError
from scrapers.source import open_source
from scrapers.sources.reddit import access_token

START = "r/geoguessr/top?t=all&limit=100"
POST = "https://www.reddit.com/r/geoguessr/comments/"


def test_posts_page_by_page(
    scrape_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDDIT_TOKEN", "secret-token")
    found = scrape_site("reddit", START, {f"/{START}": "1.json", f"/{START}&after=t3_b": "2.json"})
    assert found.urls.accepted == 2
    car, first = "https://pic.example/car.jpg?width=2", f"{POST}a/how_to_tell/"
    assert found.rows("text", "countries", "image_url", "source_url", "license") == [
        ("Bollards of Turkey are white and red.", ["TR"], None, f"{POST}c/bollards/", None),
        ("Ghana has tape on the rack", ["GH"], car, first, None),
        ("How to tell Kenya by its car", ["KE"], car, first, None),
        ("Red soil in Uganda", ["UG"], car, first, None),
        ("The car in Kenya has a snorkel.", ["KE"], car, first, None),
    ]
    assert [(r["reason"], r["detail"]) for r in found.rejects] == [("no place", "Also:")]
    assert not any(row["ai_training_allowed"] for row in found.clues)
    assert {p.topic for p in found.passages} == {"Tips", None}
    sent = {a.path: a.headers.get("authorization") for a in found.asked}
    assert sent.pop("/robots.txt") is sent.pop("/.well-known/tdmrep.json") is None
    assert set(sent.values()) == {"Bearer secret-token"} and len(sent) == 2


def test_the_token_goes_to_the_listing_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDDIT_TOKEN", "t")
    source: Any = open_source("reddit")
    assert source.request_headers("https://oauth.reddit.com/r/x") == {"Authorization": "Bearer t"}
    assert source.request_headers("https://www.reddit.com/r/x") == {}


def test_without_a_key_a_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDDIT_TOKEN", "REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    source: Any = open_source("reddit")
    with pytest.raises(ConfigError, match="no key for Reddit's API") as raised, source.start_urls():
        pass
    assert "\n" not in str(raised.value)


@contextmanager
def token_server(status: int, body: bytes, seen: list[tuple[str, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            seen.append((self.headers["Authorization"], self.rfile.read(length)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1/access_token"
        server.shutdown()


def test_a_token_for_a_key() -> None:
    seen: list[tuple[str, bytes]] = []
    with token_server(200, json.dumps({"access_token": "abc"}).encode(), seen) as url:
        assert access_token(url, "id", "pw") == "abc"
    # "id:pw" in Base64
    assert seen == [("Basic aWQ6cHc=", b"grant_type=client_credentials")]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(401, b"{}", "401"), (200, b"<html>", "no token from"), (200, b"{}", "no token from")],
)
def test_a_refused_key_is_a_clear_line(status: int, body: bytes, words: str) -> None:
    with token_server(status, body, []) as url, pytest.raises(ConfigError, match=words) as raised:
        access_token(url, "id", "pw")
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "has no JSON"),
        ('{"data": {}}', "has no data.children in its data"),
        (
            '{"data": {"children": [{"data": {"title": "x"}}]}}',
            "has no data.children.0.data.permalink in its data",
        ),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], body: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("reddit").parse(saved_page(body)))
