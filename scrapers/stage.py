"""The scrape stage: a clue source -> rows of `clues`.

In: a lake and the name of a source. Out: new rows, rejects, and sums in the lake: `crawl-NAME`
counts URLs, `scrape-NAME` sentences (a page that yields none, for a fault or by its site's word,
counts as one), `images-NAME` pictures. A clue that is there already stays as it is, but for its
rights, which follow what its site says now (`rights-NAME`). Pages that were fetched stay in the
lake's folder `pages/NAME`, so an interrupted run goes on where it was and a second one adds
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from georeasoner.errors import ConfigError, EmptyResultError, InputError
from georeasoner.lake import Lake
from georeasoner.lake.writer import Sums, Writer
from georeasoner.progress import log
from scrapers.fetch.crawl import (
    LEFT_OUT,
    USABLE,
    CrawlReport,
    CrawlSettings,
    crawl,
    raise_if_refused,
)
from scrapers.fetch.pages import Page, PageStore
from scrapers.fetch.rights import NO_SITE, Rights, SiteWords, is_open, rights_of, site_words
from scrapers.fetch.saved import NOT_ASKED, SavedPages
from scrapers.known import Known
from scrapers.pictures import Picture, add_pictures
from scrapers.source import (
    ClueSource,
    FileSource,
    Passage,
    Refused,
    SiteSource,
    VersionedSource,
    open_source,
)
from scrapers.text.read import Clue, read

if TYPE_CHECKING:
    from scrapers.text.ner import Tagger


@dataclass(frozen=True)
class ScrapeResult:
    """The sums of one scrape: over URLs (None where the source has files), over sentences, and
    over pictures where these were asked for."""

    urls: Sums | None
    sentences: Sums
    pictures: Sums | None = None


@dataclass(frozen=True)
class _Pages:
    """Pages to read, by which source, and what their sites say.

    `meant` are the URLs that a person gave; `strict` makes one page without the structure of its
    source an error, where else it is a reject.
    """

    name: str
    source: ClueSource
    pages: Iterator[Page]
    words: Callable[[Page], SiteWords]
    urls: Sums | None = None
    meant: tuple[str, ...] = ()
    strict: bool = True


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
    images: bool = False,
    parse_as: str | None = None,
    saved_from: str | None = None,
    ner: str | None = None,
) -> ScrapeResult:
    """Crawl a source (`NAME` or `NAME:ARGUMENT`) and add its clues to the lake.

    `start_url` is short for an argument. `contact` (an address) goes into the user agent. `images`
    fetches the clues' pictures where their licence allows. With `parse_as`, `source` is
    `html:PATH`, pages saved from the source of that name; `saved_from` is the URL of a single one.
    `ner` is a token-classification model that finds places instead of the gazetteer.
    Raises `InputError` when the site forbids crawling, its robots.txt cannot be read, no start
    page answers, or no page has the structure its source is known for; `EmptyResultError` when
    there is not one sentence.
    """
    spec = f"{source}:{start_url}" if start_url else source
    settings = CrawlSettings(max_pages=max_pages, delay_s=delay_s, contact=contact)
    config: dict[str, Any] = {"source": source, "start_url": start_url, "ner": ner}
    tagger = _tagger(ner) if ner else None
    if parse_as is not None:
        config |= {"parse_as": parse_as, "saved_from": saved_from}
        found = _saved(source, parse_as, saved_from)
    else:
        found = _opened(lake, spec, config, settings)
    sentences, pictures = _read(lake, spec, found, config, tagger)
    picture_sums = None
    if images:
        picture_sums = add_pictures(lake, found.name, pictures, found.meant, settings)
    return ScrapeResult(found.urls, sentences, picture_sums)


def _tagger(model: str) -> Tagger:
    from scrapers.text.ner import Tagger

    return Tagger(model)


def _saved(source: str, parse_as: str, saved_from: str | None) -> _Pages:
    kind, _, path = source.partition(":")
    if kind != "html" or not path:
        raise ConfigError(f"--as {parse_as} with the source {source}", "html:PATH")
    saved = SavedPages(parse_as, path, saved_from)
    return _Pages(parse_as.partition(":")[0], saved.source, saved.pages(), lambda _: NOT_ASKED)


def _opened(lake: Lake, spec: str, config: dict[str, Any], settings: CrawlSettings) -> _Pages:
    """The pages of a source: those it has, or those that a crawl brings."""
    name, site = spec.partition(":")[0], open_source(spec)
    if isinstance(site, VersionedSource):
        config["version"] = site.version
    if isinstance(site, FileSource):
        return _Pages(name, site, site.pages(), lambda _: NO_SITE)
    if (terms := getattr(site, "api_terms", None)) and not settings.contact:
        raise ConfigError(
            f"{name} without --contact", f"an address for the user agent; see {terms}"
        )
    store = PageStore(lake.root / "pages" / name)
    with site.start_urls() as urls:
        report = crawl(spec, urls, store, settings)
        config = config | {"max_pages": settings.max_pages}
        sums = _account(lake, f"crawl-{name}", config, report)
        raise_if_refused(report, urls)
        meant = tuple(urls)
    words = _words(store, site)
    return _Pages(name, site, _kept(store, report), words, sums, meant, strict=False)


def _words(store: PageStore, site: SiteSource) -> Callable[[Page], SiteWords]:
    """Page to what its site says, each site's documents read once."""
    by_netloc: dict[str, SiteWords] = {}
    terms = getattr(site, "api_terms", None)

    def of(page: Page) -> SiteWords:
        netloc = urlsplit(page.url).netloc
        if netloc not in by_netloc:
            by_netloc[netloc] = site_words(store.documents, page.url, terms)
        return by_netloc[netloc]

    return of


def _kept(store: PageStore, report: CrawlReport) -> Iterator[Page]:
    for url in report.pages:
        page = store.load(url)
        if page is None:
            raise InputError(f"{url} was fetched but is gone from {store.folder}", "", "run again")
        yield page


def _read(
    lake: Lake, spec: str, found: _Pages, config: dict[str, Any], tagger: Tagger | None
) -> tuple[Sums, dict[str, Picture]]:
    """The clues of the pages into the lake; their sums, and the pictures they refer to by URL."""
    pictures: dict[str, Picture] = {}
    faults: list[InputError] = []
    with lake.writing(f"scrape-{found.name}", config) as out:
        known = Known(lake, found.name)
        for page in found.pages:
            out.reread(f"{page.url}:")
            rights = rights_of(page, found.words(page))
            if not rights.text:
                out.exclude("noindex page")
                continue
            try:
                parts = found.source.parse(page)
                parts = parts if found.strict else iter(list(parts))  # a page whole or not at all
                for clue in read(_passages(parts, out), tagger):
                    _add(out, known, found.name, clue, page, rights)
                    _note_picture(pictures, clue, rights)
                out.accept(page.url, 0)  # lifts the reject of an earlier run
            except InputError as error:
                if found.strict:
                    raise
                faults.append(error)
                out.reject(page.url, "missing piece", str(error))
        known.note(out)
        if faults and not (out.sums.accepted or out.sums.excluded["already known"]):
            raise faults[0]
    known.restate()
    if faults:
        log(f"{spec}: {len(faults):,} pages have not the structure of this source: {faults[0]}")
    if not out.sums.inputs:
        where = f" on {found.urls.accepted} pages" if found.urls else ""
        raise EmptyResultError(f"{spec} has not one sentence{where}")
    return out.sums, pictures


def _passages(parts: Iterable[Passage | Refused], out: Writer) -> Iterator[Passage]:
    """What a page has; pieces that cannot be passages are rejected on the way."""
    for part in parts:
        if isinstance(part, Refused):
            out.reject(part.input_id, part.reason, part.detail)
        else:
            yield part


def _add(out: Writer, known: Known, source: str, clue: Clue, page: Page, rights: Rights) -> None:
    """A clue as a row, or why there is none; counted."""
    key = clue_id(source, clue.passage.source_url, clue.text)
    if not clue.countries:
        out.reject(key, "no place", clue.text)
        return
    row = _row(source, key, clue, page, rights)
    if key in known:
        if NOT_ASKED.unread not in row["rights"]:  # else nothing is known of their change
            known.compare(row)
        out.exclude("already known")
    else:
        known.add(row)
        out.add("clues", [row])
        out.accept(key)


def _note_picture(pictures: dict[str, Picture], clue: Clue, rights: Rights) -> None:
    """A picture that several clues refer to is free where one of them makes it so."""
    passage, url = clue.passage, clue.passage.image_url
    if clue.countries and url and (url not in pictures or pictures[url].refusal):
        pictures[url] = Picture.of(url, passage.license, passage.source_url, rights)


def _row(source: str, key: str, clue: Clue, page: Page, rights: Rights) -> dict[str, Any]:
    passage = clue.passage
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
        "rights": list(rights.signals),
        "ai_training_allowed": is_open(passage.license) and rights.training,
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
