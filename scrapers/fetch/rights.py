"""What a page and its site say about the use of the page: every signal as found, and what follows.

In: a page, and what its site says for all pages (`SiteWords`). Out: `Rights`. Read are

- robots.txt and the headers `Content-Signal` (`ai-train=no`) and `Content-Usage` (`train-ai=n`,
  draft-ietf-aipref-attach, where robots.txt may give a path);
- `X-Robots-Tag` and `<meta name="robots">`, those for every robot and those that name ours: `noai`
  and `noml` reserve training, `noimageai` and `noimageindex` the pictures, `noindex` and
  `nosnippet` the text, which a corpus quotes, `nofollow` the links, `none` is noindex and nofollow;
- the TDM Reservation Protocol: tdmrep.json, superseded by the header `tdm-reservation`, superseded
  by the meta element; in tdmrep.json the first rule whose location fits decides.

A signal can only take a permission away: without an open licence there is none to begin with. A
site whose tdmrep.json could not be read is taken to reserve training.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from georeasoner.licences import licence
from scrapers.fetch.pages import Page, PageStore
from scrapers.fetch.robots import lines_for, matches, preferences
from scrapers.source import soup

AGENT = "GeoReasoner"
"""The name by which the crawler goes in robots.txt and in robots tags."""

TDMREP = "/.well-known/tdmrep.json"

# the last four are names of earlier drafts
_TRAINING = frozenset({"ai-train", "train-ai", "train-genai", "genai", "ai", "tdm"})
_SIGNALS = ("content-signal", "content-usage")
_BOT = re.compile(r"\s*([a-z][\w.-]*)\s*:", re.IGNORECASE)
_WITH_VALUE = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")
_TRAINING_TAGS = frozenset({"noai", "noml"})
_IMAGE_TAGS = frozenset({"noai", "noimageai", "noimageindex", "noindex", "none"})
_TEXT_TAGS = frozenset({"noindex", "none", "nosnippet", "max-snippet:0"})
_LINK_TAGS = frozenset({"nofollow", "none"})


@dataclass(frozen=True)
class Rights:
    """`signals` as found; whether they leave the training, the text, the pictures and the links."""

    signals: tuple[str, ...]
    training: bool = True
    text: bool = True
    images: bool = True
    links: bool = True


@dataclass(frozen=True)
class SiteWords:
    """What a site says for all its pages.

    `tdmrep` has the rules of tdmrep.json, none where the site has no such file; `unread` says what
    could not be read, which counts as a reservation. `api_terms` is where the terms stand under
    which the pages are an API's answers: what robots tags say of indexing is then no matter.
    """

    robots_txt: str = ""
    tdmrep: tuple[dict[str, Any], ...] = ()
    unread: str | None = None
    api_terms: str | None = None


NO_SITE = SiteWords()
"""Of pages that belong to no site: files of the user's and of this package."""


def is_open(license: str | None) -> bool:
    """Whether a licence, by its name or URL, lets anybody use what it covers."""
    return licence(license).open


def site_words(documents: PageStore, url: str, api_terms: str | None = None) -> SiteWords:
    """What the site of a URL says, from the documents that the crawl kept of it."""
    robots = _document(documents, url, "/robots.txt")
    robots_txt = robots.body.decode(errors="replace") if robots and robots.status == 200 else ""
    try:
        return SiteWords(robots_txt, _rules(_document(documents, url, TDMREP)), None, api_terms)
    except ValueError as error:
        return SiteWords(robots_txt, (), f"tdmrep.json: not readable ({error})", api_terms)


def _document(documents: PageStore, url: str, path: str) -> Page | None:
    """One of a site's documents; a page found by https may be of a site that was asked by http."""
    parts = urlsplit(url)
    for scheme in (parts.scheme, "http", "https"):
        if page := documents.load(f"{scheme}://{parts.netloc}{path}"):
            return page
    return None


def _rules(page: Page | None) -> tuple[dict[str, Any], ...]:
    """The rules of a tdmrep.json. Raises `ValueError` where it is there and cannot be read.

    A page of HTML is what many a site gives for any address that it does not know: no such file.
    """
    if page is None:
        raise ValueError("no answer")
    if page.status // 100 == 4 and page.status != 429:
        return ()
    if page.status != 200:
        raise ValueError(f"http {page.status}")
    if page.headers.get("content-type", "").lower().startswith("text/html"):
        return ()
    try:
        rules = json.loads(page.body)
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(rules, list) or not all(
        isinstance(rule, dict) and isinstance(rule.get("location"), str) for rule in rules
    ):
        raise ValueError("not a list of rules with a location")
    return tuple(rules)


def rights_of(page: Page, words: SiteWords = NO_SITE) -> Rights:
    """The signals on a page and of its site, and what they leave."""
    metas = list(_metas(page))
    tags, tag_signals = _robots_tags(page, metas)
    reserved, usage_signals = _usage(page, words)
    tdm_reserved, tdm_signals = _tdm(page, metas, words)
    unread = [words.unread] if words.unread else []
    terms = [f"API used under {words.api_terms}"] if words.api_terms else []
    return Rights(
        signals=tuple(terms + usage_signals + tag_signals + tdm_signals + unread),
        training=not (reserved or tdm_reserved or unread or tags & _TRAINING_TAGS),
        text=bool(words.api_terms) or not tags & _TEXT_TAGS,
        images=not tags & _IMAGE_TAGS,
        links=bool(words.api_terms) or not tags & _LINK_TAGS,
    )


def _metas(page: Page) -> Iterator[tuple[str, str]]:
    """(name in lower case, content) of the meta elements of a page that is HTML."""
    if page.encoding and page.body.lstrip()[:1] == b"<":
        for meta in soup(page).select("meta[name][content]"):
            yield str(meta["name"]).strip().lower(), str(meta["content"])


def _robots_tags(page: Page, metas: Iterable[tuple[str, str]]) -> tuple[set[str], list[str]]:
    """The directives for every robot and for ours, in lower case, and where they stand."""
    tags: set[str] = set()
    signals = []
    if header := page.headers.get("x-robots-tag", ""):
        tags |= _directives(header)
        signals.append(f"x-robots-tag header: {header}")
    for name, content in metas:
        if name in ("robots", AGENT.lower()):
            tags |= {_joined(word) for word in re.split(r",|\s(?!\s*\d)", content)}
            signals.append(f'<meta name="{name}" content="{content}">')
    return tags, signals


def robot_named(tag: str) -> str | None:
    """The robot that a value of `X-Robots-Tag` begins with, in lower case; None for everybody."""
    named = _BOT.match(tag)
    return named[1].lower() if named and named[1].lower() not in _WITH_VALUE else None


def _directives(header: str) -> set[str]:
    """Those of an `X-Robots-Tag` that are not for another robot: a name and a colon begin a list
    for that robot alone."""
    tags: set[str] = set()
    ours = True
    for part in header.split(","):
        if (robot := robot_named(part)) is not None:
            ours = robot == AGENT.lower()
            part = part.partition(":")[2]
        if ours:
            tags.add(_joined(part))
    return tags


def _joined(directive: str) -> str:
    return "".join(directive.lower().split())


def _usage(page: Page, words: SiteWords) -> tuple[bool, list[str]]:
    """Whether Content-Signal or Content-Usage reserves training, and every one found."""
    found: list[tuple[str, str]] = []
    lines = lines_for(words.robots_txt, AGENT)
    for name in _SIGNALS:
        title = name.title()
        found += [
            (value, f"robots.txt: {title}: {value}") for value in preferences(lines, name, page.url)
        ]
        if name in page.headers:
            found.append((page.headers[name], f"{name} header: {page.headers[name]}"))
    return any(_refuses_training(value) for value, _ in found), [signal for _, signal in found]


def _refuses_training(value: str) -> bool:
    """Whether "[PATH] key=value, key=value;parameter" has a no for training."""
    value = value.split(maxsplit=1)[-1] if value.startswith("/") else value
    said = {}
    for part in value.lower().split(","):
        key, _, word = part.partition(";")[0].partition("=")
        said[key.strip()] = word.strip()
    return any(said.get(key) in ("n", "no") for key in _TRAINING)


def _tdm(page: Page, metas: Iterable[tuple[str, str]], words: SiteWords) -> tuple[bool, list[str]]:
    """Whether text and data mining is reserved, and every word about it."""
    reserved, signals = False, []
    for rule in words.tdmrep:
        if matches(rule["location"], page.url):
            reserved = str(rule.get("tdm-reservation")).strip() == "1"
            signals.append(f"tdmrep.json: {json.dumps(rule)}")
            break
    for name in ("tdm-reservation", "tdm-policy"):
        if name in page.headers:
            signals.append(f"{name} header: {page.headers[name]}")
        signals += [f'<meta name="{name}" content="{said}">' for n, said in metas if n == name]
    for value in (
        page.headers.get("tdm-reservation", ""),
        *(content for name, content in metas if name == "tdm-reservation"),
    ):
        if value.strip() in ("0", "1"):  # others are protocol errors: as if it were not there
            reserved = value.strip() == "1"
    return reserved, signals
