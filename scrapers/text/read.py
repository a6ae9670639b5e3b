"""What a passage says: a source's passage in, one clue for each of its sentences out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scrapers.source import Passage
from scrapers.text.places import countries_in
from scrapers.text.sentences import sentences_of


@dataclass(frozen=True)
class Clue:
    """One verbatim sentence and what it is about; without any place it has no `countries`.

    `passage` is where it stands: its page, licence and picture.
    """

    text: str
    countries: tuple[str, ...]
    regions: tuple[str, ...]
    category: str | None
    ade20k_classes: tuple[str, ...]
    language: str | None
    passage: Passage


def clues_of(passage: Passage) -> Iterator[Clue]:
    """The clues of a passage, in the order of its text."""
    known = passage.countries is not None
    for text in [passage.text] if known else sentences_of(passage.text):
        named = passage.countries if passage.countries is not None else countries_in(text)
        yield Clue(
            text=text,
            countries=named or passage.page_countries,
            regions=passage.regions,
            category=passage.category,
            ade20k_classes=passage.ade20k_classes,
            language=None,
            passage=passage,
        )
