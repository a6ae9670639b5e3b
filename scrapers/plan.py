"""`scrape --dry-run`: what a scrape would fetch, without fetching a page or writing anything.

Each site's robots.txt is read, since it decides; pages that an earlier run kept are walked as they
are, so the links on them are told as well. What pages lead to that were never fetched, nobody can
say before.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from georeasoner.progress import log
from scrapers.fetch.crawl import CrawlSettings, crawl, raise_if_refused
from scrapers.fetch.pages import PageStore
from scrapers.source import FileSource, open_source


def plan(lake: Path, source: str, start_url: str | None, settings: CrawlSettings) -> list[str]:
    """One line for each URL: what would be done, a tab, the URL; in the order they are met.

    Raises `InputError` where the scrape would, for what robots.txt says.
    """
    spec = f"{source}:{start_url}" if start_url else source
    site = open_source(spec)
    name = spec.partition(":")[0]
    if isinstance(site, FileSource):
        log(f"{name}: its pages are at hand, nothing would be fetched")
        return []
    store = PageStore(lake / "pages" / name)
    with site.start_urls() as urls:
        report = crawl(spec, urls, store, settings, dry_run=True)
    counts = Counter(report.outcomes.values())
    log(f"{name}: " + (", ".join(f"{what} {n:,}" for what, n in sorted(counts.items()))))
    if not counts["would fetch"]:
        raise_if_refused(report, urls)
    return [
        f"{outcome}\t{url}" + (f"\t{report.rules[url]}" if url in report.rules else "")
        for url, outcome in report.outcomes.items()
    ]
