"""What a page's own signals and licence say about training on it.

In: a page, the robots.txt of its site, the licence its source states. Out: whether its clues may
be used to train a model. Read are `Content-Signal: ai-train=no` and `Content-Usage: train-ai=n`
(as headers and in robots.txt), `noai` in `X-Robots-Tag` or `<meta name="robots">`, and the TDM
Reservation Protocol (header or meta tag `tdm-reservation` = 1). A signal can only take the
permission away: without an open licence there is none to begin with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scrapers.fetch.pages import Page
from scrapers.source import soup

_OPEN = re.compile(r"(CC0|CC[ -]BY([ -]SA)?|Public Domain)\b(?![ -]N[CD])", re.IGNORECASE)
_NO_TRAINING = re.compile(r"\b(ai-train\s*=\s*no|train-ai\s*=\s*n)\b", re.IGNORECASE)
_NO_AI = re.compile(r"\bnoai\b", re.IGNORECASE)
_SIGNALS = ("content-signal", "content-usage")


def ai_training_allowed(page: Page, robots_txt: str, agent: str, license: str | None) -> bool:
    """True when the licence is an open one and nothing on the page or site reserves training."""
    return bool(license and _OPEN.match(license)) and reservation(page, robots_txt, agent) is None


def reservation(page: Page, robots_txt: str, agent: str) -> str | None:
    """The signal that reserves the page from training, as found, or None.

    `agent` is the name by which the crawler goes in robots.txt ("GeoReasoner").
    """
    for name in _SIGNALS:
        if _NO_TRAINING.search(page.headers.get(name, "")):
            return f"{name} header: {page.headers[name]}"
    if _NO_AI.search(page.headers.get("x-robots-tag", "")):
        return f"x-robots-tag header: {page.headers['x-robots-tag']}"
    if page.headers.get("tdm-reservation", "").strip() == "1":
        return "tdm-reservation header: 1"
    for line in _group_lines(robots_txt, agent):
        name, _, value = line.partition(":")
        if name.strip().lower() in _SIGNALS and _NO_TRAINING.search(value):
            return f"robots.txt: {line}"
    if page.encoding:
        for meta in soup(page).select("meta[name][content]"):
            name, value = str(meta["name"]).lower(), str(meta["content"])
            if (name == "robots" and _NO_AI.search(value)) or (
                name == "tdm-reservation" and value.strip() == "1"
            ):
                return f'<meta name="{name}" content="{value}">'
    return None


def _group_lines(robots_txt: str, agent: str) -> Iterator[str]:
    """The lines of robots.txt in groups for everybody or for `agent`, and before any group."""
    ours, naming = True, False
    for raw in robots_txt.splitlines():
        line = raw.partition("#")[0].strip()
        name, _, value = line.partition(":")
        if name.strip().lower() == "user-agent":
            applies = value.strip().lower() in ("*", agent.lower())
            ours = (ours and naming) or applies
            naming = True
        elif line:
            naming = False
            if ours:
                yield line
