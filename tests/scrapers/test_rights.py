"""What pages and sites say about their use: each signal is seen, and takes away what it names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers.fetch.pages import Page, PageStore, content_sha256
from scrapers.fetch.rights import TDMREP, Rights, SiteWords, is_open, rights_of, site_words
from scrapers.fetch.robots import forbidding_line, matches

META = '<meta name="{}" content="{}">'
URL = "https://a.example/guide/jp.html"


def page(
    headers: dict[str, str] | None = None, html: str = "<p>text", url: str = URL, status: int = 200
) -> Page:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    body = html.encode()
    return Page(url, status, headers or {}, body, "utf-8", now, content_sha256(body))


@pytest.mark.parametrize(
    ("headers", "html", "robots", "signal"),
    [
        ({"content-signal": "search=yes, ai-train=no"}, "", "", "content-signal header: search"),
        ({"content-usage": "train-ai=n"}, "", "", "content-usage header: train-ai=n"),
        ({"content-usage": "train-ai=y, train-ai=n;x=1"}, "", "", "content-usage header"),
        ({"x-robots-tag": "noarchive, noai"}, "", "", "x-robots-tag header: noarchive, noai"),
        ({"x-robots-tag": "otherbot: nofollow, georeasoner: noml"}, "", "", "x-robots-tag"),
        ({"tdm-reservation": "1"}, "", "", "tdm-reservation header: 1"),
        ({}, META.format("robots", "noai, noimageai"), "", '<meta name="robots"'),
        ({}, META.format("GeoReasoner", "NOAI"), "", '<meta name="georeasoner" content="NOAI">'),
        ({}, META.format("tdm-reservation", "1"), "", '<meta name="tdm-reservation"'),
        (
            {},
            "",
            "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /",
            "robots.txt: Content-Signal: search=yes, ai-train=no",
        ),
        ({}, "", "Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", "robots.txt: Content-S"),
        ({}, "", "User-agent: x\nUser-agent: georeasoner\nContent-Usage: train-ai=n", "robots"),
        ({}, "", "User-agent: *\nContent-Usage: / train-ai=n", "robots.txt: Content-Usage: / tr"),
    ],
)
def test_each_signal_against_training_is_found(
    headers: dict[str, str], html: str, robots: str, signal: str
) -> None:
    rights = rights_of(page(headers, html), SiteWords(robots))
    assert not rights.training
    assert rights.text and rights.links
    assert len(rights.signals) == 1 and rights.signals[0].startswith(signal)


@pytest.mark.parametrize(
    ("headers", "html", "robots"),
    [
        ({"content-signal": "ai-train=yes, ai-input=no"}, "", ""),
        ({"x-robots-tag": "noarchive"}, META.format("robots", "index, follow"), ""),
        ({"x-robots-tag": "otherbot: noindex, noai, nofollow"}, "", ""),
        ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, max-snippet: 20"}, "", ""),
        ({"tdm-reservation": "0"}, META.format("tdm-reservation", "0"), ""),
        ({"tdm-reservation": "yes"}, "", ""),
        ({}, META.format("googlebot", "noindex, noai"), ""),
        ({}, "", "User-agent: other\nContent-Signal: ai-train=no\n\nUser-agent: *\nAllow: /"),
        ({}, "", "User-agent: *\nAllow: /  # Content-Signal: ai-train=no"),
        # a group that names us is the one that counts (RFC 9309, section 2.2.1)
        (
            {},
            "",
            "User-agent: *\nContent-Usage: / train-ai=n\n\n"
            "User-agent: GeoReasoner\nContent-Usage: / train-ai=y",
        ),
    ],
)
def test_other_words_take_nothing_away(headers: dict[str, str], html: str, robots: str) -> None:
    rights = rights_of(page(headers, html), SiteWords(robots))
    assert rights == Rights(rights.signals)


@pytest.mark.parametrize(
    ("tag", "training", "text", "images", "links"),
    [
        ("noindex", True, False, False, True),
        ("nofollow", True, True, True, False),
        ("none", True, False, False, False),
        ("nosnippet", True, False, True, True),
        ("max-snippet: 0", True, False, True, True),
        ("noai", False, True, False, True),
        ("noimageai", True, True, False, True),
        ("noimageindex", True, True, False, True),
    ],
)
def test_what_robots_tags_take_away(
    tag: str, training: bool, text: bool, images: bool, links: bool
) -> None:
    by_header, by_meta = page({"x-robots-tag": tag}), page({}, META.format("robots", tag))
    for found in (rights_of(by_header), rights_of(by_meta)):
        assert (found.training, found.text, found.images, found.links) == (
            training,
            text,
            images,
            links,
        )


def test_the_longest_path_of_content_usage_counts() -> None:
    """The example of draft-ietf-aipref-attach, section "Example"."""
    robots = "User-Agent: *\nContent-Usage: / train-ai=n\nContent-Usage: /ai-ok/ train-ai=y\n"
    words = SiteWords(robots)
    assert not rights_of(page(url="https://a.example/test"), words).training
    there = rights_of(page(url="https://a.example/ai-ok/test"), words)
    assert there.training
    assert there.signals == ("robots.txt: Content-Usage: /ai-ok/ train-ai=y",)


RULES = [
    {"location": "/guide/free/", "tdm-reservation": 0},
    {
        "location": "/guide/*.html$",
        "tdm-reservation": 1,
        "tdm-policy": "https://a.example/policy.json",
    },
    {"location": "/", "tdm-reservation": 0},
]


@pytest.mark.parametrize(
    ("url", "reserved"),
    [
        ("https://a.example/guide/jp.html", True),
        ("https://a.example/guide/free/jp.html", False),  # the first rule that fits
        ("https://a.example/guide/jp.html?x=1", False),  # $ is the end
        ("https://a.example/", False),
    ],
)
def test_tdmrep_locations(url: str, reserved: bool) -> None:
    rights = rights_of(page(url=url), SiteWords(tdmrep=tuple(RULES)))
    assert rights.training is not reserved
    if reserved:
        assert rights.signals == (f"tdmrep.json: {json.dumps(RULES[1])}",)


def test_header_supersedes_file_and_meta_supersedes_header() -> None:
    words = SiteWords(tdmrep=({"location": "/", "tdm-reservation": 1},))
    assert not rights_of(page(), words).training
    header = {"tdm-reservation": "0", "tdm-policy": "https://a.example/p"}
    by_header = rights_of(page(header), words)
    assert by_header.training
    assert by_header.signals == (
        'tdmrep.json: {"location": "/", "tdm-reservation": 1}',
        "tdm-reservation header: 0",
        "tdm-policy header: https://a.example/p",
    )
    assert not rights_of(page(header, META.format("tdm-reservation", "1")), words).training


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "problem"),
    [
        (404, {}, "", None),
        (200, JSON, "[]", None),
        (200, {"content-type": "text/html; charset=utf-8"}, "<h1>No such page", None),
        (503, {}, "", "http 503"),
        (429, {}, "", "http 429"),
        (200, JSON, '[{"location": "/"', "not JSON"),
        (200, JSON, '{"location": "/"}', "not a list of rules with a location"),
        (None, {}, "", "no answer"),
    ],
)
def test_a_tdmrep_that_cannot_be_read_reserves_training(
    tmp_path: Path, status: int | None, headers: dict[str, str], body: str, problem: str | None
) -> None:
    documents = PageStore(tmp_path).documents
    if status:
        documents.save(page(headers, body, "https://a.example" + TDMREP, status))
    rights = rights_of(page(), site_words(documents, URL))
    assert rights.training is (problem is None)
    said = (f"tdmrep.json: not readable ({problem})",) if problem else ()
    assert rights.signals == said and rights.text


def test_terms_of_an_api_are_named_and_indexing_is_no_matter() -> None:
    words = SiteWords(api_terms="https://a.example/api-terms")
    rights = rights_of(page({"x-robots-tag": "noindex, nofollow"}), words)
    assert rights.text and rights.links and rights.training
    assert rights.signals[0] == "API used under https://a.example/api-terms"


@pytest.mark.parametrize(
    ("license_name", "allowed"),
    [
        ("CC0 1.0", True),
        ("CC BY 4.0", True),
        ("CC-BY-SA-4.0", True),
        ("Public Domain", True),
        ("CC BY-NC 4.0", False),
        ("CC BY-NC-SA 4.0", False),
        ("CC BY-ND 4.0", False),
        ("All rights reserved", False),
        (None, False),
    ],
)
def test_only_an_open_licence_allows(license_name: str | None, allowed: bool) -> None:
    assert is_open(license_name) is allowed


def test_the_line_that_forbids_is_named() -> None:
    robots = (
        "User-agent: *\nDisallow: /\n\n"
        "User-agent: GeoReasoner/1.0\nUser-agent: other\nDisallow: /guide\nDisallow: /guide/jp*\n"
        "Allow: /\n\nUser-agent: georeasoner\nDisallow: /more\n"
    )
    assert forbidding_line(robots, "GeoReasoner", URL) == "Disallow: /guide/jp*"
    assert forbidding_line(robots, "GeoReasoner", "https://a.example/more") == "Disallow: /more"
    assert forbidding_line(robots, "Nobody", URL) == "Disallow: /"


def test_patterns_are_those_of_robots_txt() -> None:
    assert matches("/guide/", URL) and matches("/*.html$", URL) and matches("/", URL)
    assert not matches("/guide/jp$", URL) and not matches("", URL) and not matches("/Guide/", URL)
    assert matches("/a b#c", "https://a.example/a%20b%23c/d")
