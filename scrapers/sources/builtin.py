"""Our own clues (CC0): tables of facts with their sources, put into sentences.

The pages are the tables of `scrapers/builtin/facts`, as they are in this version; nothing is
fetched. A clue's address is that of its fact's source: a page, or a file in a package's version.
"""

from __future__ import annotations

from collections.abc import Iterator

from georeasoner.errors import InputError
from georeasoner.registry import register
from scrapers.builtin import LICENSE, RELEASED, VERSION
from scrapers.fetch.pages import Page, content_sha256
from scrapers.source import Passage


@register("clue_source", "builtin")
class Builtin:
    """The corpus that ships; `version` goes into the run's provenance."""

    version = VERSION

    def __init__(self, argument: str | None = None) -> None:
        if argument:
            raise InputError(f"builtin:{argument}", "builtin, which has no argument")

    def pages(self) -> Iterator[Page]:
        """One page for each table of facts."""
        from scrapers.builtin.facts import kinds, table

        for kind in kinds():
            body = table(kind).read_bytes()
            yield Page(
                url=f"builtin:{kind}",
                status=200,
                headers={"content-type": "text/csv; charset=utf-8"},
                body=body,
                encoding=None,
                retrieved_at=RELEASED,
                content_sha256=content_sha256(body),
            )

    def parse(self, page: Page) -> Iterator[Passage]:
        """One passage for each fact of a table."""
        from scrapers.builtin.facts import parse_facts
        from scrapers.builtin.sentences import clue

        kind = page.url.partition(":")[2]
        for fact in parse_facts(kind, page.body.decode("utf-8"), page.url):
            made = clue(fact)
            yield Passage(
                text=made.text,
                source_url=made.source_url,
                license=LICENSE,
                topic=made.category,
                countries=(made.country,),
                category=made.category,
                ade20k_classes=made.ade20k_classes,
            )
