"""The scrape stage: a clue source -> rows of `clues`.

In: a lake and the name of a source. Out: new rows, rejects, and two sums in the lake: `crawl-NAME`
counts URLs, `scrape-NAME` counts sentences. Pages that were fetched stay in the lake's folder
`pages/NAME`, so an interrupted run goes on where it was and a second one adds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from georeasoner.errors import EmptyResultError, InputError
from georeasoner.lake import Lake
from georeasoner.lake.keys import KeySet
from georeasoner.lake.writer import Sums, Writer
from scrapers.fetch import rights
from scrapers.fetch.crawl import (
    AGENT,
    LEFT_OUT,
    USABLE,
    CrawlReport,
    CrawlSettings,
    crawl,
)
from scrapers.fetch.pages import Page, PageStore
from scrapers.source import FileSource, Passage, Refused, open_source
from scrapers.text.read import Clue, read

if TYPE_CHECKING:
    from scrapers.text.ner import Tagger


@dataclass(frozen=True)
class ScrapeResult:
    """The sums of one scrape: over URLs (None where the source has files) and over sentences."""

    urls: Sums | None
    sentences: Sums


def clue_id(source: str, url: str, text: str) -> str:
    """The same sentence on the same page of the same source has the same id, always."""
    return hashlib.sha256("\x1f".join((source, url, text)).encode()).hexdigest()[:32]


def scrape(
    lake: Lake,
    source: str,
    *,
    start_url: str | None = None,
    max_pages: int = 1000,
    delay_s: float | None = None,
    contact: str | None = None,
    ner: str | None = None,
) -> ScrapeResult:
    """Crawl a source (`NAME` or `NAME:ARGUMENT`) and add its clues to the lake.

    `start_url` is short for an argument. `contact` (an address) goes into the user agent. `ner` is
    a token-classification model that finds places instead of the gazetteer.
    Raises `InputError` when the site forbids crawling, its robots.txt cannot be read, no start
    page answers, or a page lacks the structure its source is known for; `EmptyResultError` when
    there is not one sentence.
    """
    spec = f"{source}:{start_url}" if start_url else source
    name = spec.partition(":")[0]
    site = open_source(spec)
    settings = CrawlSettings(max_pages=max_pages, delay_s=delay_s, contact=contact)
    store = PageStore(lake.root / "pages" / name)
    config = {"source": source, "start_url": start_url, "ner": ner}
    tagger = _tagger(ner) if ner else None
    robots_txt, url_sums = "", None
    if isinstance(site, FileSource):
        pages = site.pages()
    else:
        with site.start_urls() as urls:
            report = crawl(spec, urls, store, settings)
            url_sums = _account(lake, f"crawl-{name}", config | {"max_pages": max_pages}, report)
            _check(report, urls)
        pages, robots_txt = _kept(store, report), report.robots_txt
    with lake.writing(f"scrape-{name}", config) as out:
        known = lake.keys("clues")
        for page in pages:
            for clue in read(_passages(site.parse(page), out), tagger):
                _add(out, known, name, clue, page, robots_txt)
    if not out.sums.inputs:
        where = f" on {url_sums.accepted} pages" if url_sums else ""
        raise EmptyResultError(f"{spec} has not one sentence{where}")
    return ScrapeResult(url_sums, out.sums)


def _tagger(model: str) -> Tagger:
    from scrapers.text.ner import Tagger

    return Tagger(model)


def _kept(store: PageStore, report: CrawlReport) -> Iterator[Page]:
    for url in report.pages:
        page = store.load(url)
        if page is None:
            raise InputError(f"{url} was fetched but is gone from {store.folder}", "", "run again")
        yield page


def _passages(found: Iterable[Passage | Refused], out: Writer) -> Iterator[Passage]:
    """What a page has; pieces that cannot be passages are rejected on the way."""
    for piece in found:
        if isinstance(piece, Refused):
            out.reject(piece.input_id, piece.reason, piece.detail)
        else:
            yield piece


def _add(out: Writer, known: KeySet, source: str, clue: Clue, page: Page, robots_txt: str) -> None:
    """A clue as a row, or why there is none; counted."""
    key = clue_id(source, clue.passage.source_url, clue.text)
    if not clue.countries:
        out.reject(key, "no place", clue.text)
    elif key in known:
        out.exclude("already known")
    else:
        known.add(key)
        out.add("clues", [_row(source, key, clue, page, robots_txt)])
        out.accept(key)


def _row(source: str, key: str, clue: Clue, page: Page, robots_txt: str) -> dict[str, Any]:
    passage, signal = clue.passage, rights.reservation(page, robots_txt, AGENT)
    return {
        "clue_id": key,
        "text": clue.text,
        "language": clue.language,
        "countries": list(clue.countries),
        "regions": list(clue.regions),
        "category": clue.category,
        "ade20k_classes": list(clue.ade20k_classes),
        "image_url": passage.image_url,
        "source": source,
        "source_url": passage.source_url,
        "license": passage.license,
        "rights": [signal] if signal else [],
        "ai_training_allowed": rights.ai_training_allowed(page, robots_txt, AGENT, passage.license),
        "synthetic": passage.synthetic,
        "retrieved_at": page.retrieved_at,
        "content_sha256": page.content_sha256,
    }


def _account(lake: Lake, stage: str, config: dict[str, Any], report: CrawlReport) -> Sums:
    """Every URL ends in the sum: accepted with a page, excluded by decision, or rejected."""
    with lake.writing(stage, config) as out:
        for url, outcome in sorted(report.outcomes.items()):
            if outcome in USABLE:
                out.note(outcome)
                out.accept(url)
            elif outcome in LEFT_OUT:
                out.exclude(outcome)
            else:
                out.reject(url, outcome)
    return out.sums


def _check(report: CrawlReport, urls: Any) -> None:
    """Stop where the site as a whole said no."""
    if report.robots_problem:
        raise InputError(
            f"robots.txt of {urls[0]} cannot be read ({report.robots_problem})",
            "the site's word on what may be fetched",
            "nothing was fetched; try again later",
        )
    if report.pages:
        return
    outcomes = {report.outcomes[url] for url in urls}
    if outcomes == {"robots-forbidden"}:
        raise InputError(
            f"robots.txt of {urls[0]} forbids fetching it",
            "a site that allows crawling",
            "nothing was fetched; ask its owners, or use another source",
        )
    raise InputError(f"{urls[0]}: {', '.join(sorted(outcomes))}", "a page", "check the address")
