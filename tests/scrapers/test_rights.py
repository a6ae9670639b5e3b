"""Signals against training: each is seen, and an open licence is needed as well."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scrapers.fetch.pages import Page
from scrapers.fetch.rights import ai_training_allowed, reservation

META = '<meta name="{}" content="{}">'


def page(headers: dict[str, str] | None = None, html: str = "<p>text") -> Page:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    return Page("https://a.example/", 200, headers or {}, html.encode(), "utf-8", now, "0")


@pytest.mark.parametrize(
    ("headers", "html", "robots"),
    [
        ({"content-signal": "search=yes, ai-train=no"}, "", ""),
        ({"content-usage": "train-ai=n"}, "", ""),
        ({"x-robots-tag": "noindex, noai"}, "", ""),
        ({"tdm-reservation": "1"}, "", ""),
        ({}, META.format("robots", "noai, noimageai"), ""),
        ({}, META.format("tdm-reservation", "1"), ""),
        ({}, "", "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /"),
        ({}, "", "User-agent: other\nUser-agent: georeasoner\nContent-Usage: train-ai=n"),
    ],
)
def test_each_signal_takes_the_permission_away(
    headers: dict[str, str], html: str, robots: str
) -> None:
    assert reservation(page(headers, html), robots, "GeoReasoner") is not None
    assert not ai_training_allowed(page(headers, html), robots, "GeoReasoner", "CC0 1.0")


@pytest.mark.parametrize(
    ("headers", "html", "robots"),
    [
        ({"content-signal": "ai-train=yes, ai-input=no"}, "", ""),
        ({"x-robots-tag": "noindex"}, META.format("robots", "noarchive"), ""),
        ({"tdm-reservation": "0"}, META.format("tdm-reservation", "0"), ""),
        ({}, "", "User-agent: other\nContent-Signal: ai-train=no\n\nUser-agent: *\nAllow: /"),
        ({}, "", "User-agent: *\nAllow: /  # Content-Signal: ai-train=no"),
    ],
)
def test_other_words_do_not(headers: dict[str, str], html: str, robots: str) -> None:
    assert reservation(page(headers, html), robots, "GeoReasoner") is None
    assert ai_training_allowed(page(headers, html), robots, "GeoReasoner", "CC0 1.0")


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
    assert ai_training_allowed(page(), "", "GeoReasoner", license_name) is allowed
