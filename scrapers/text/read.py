"""What passages say: a source's passages in, one clue for each of their sentences out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from scrapers.source import Passage
from scrapers.text.language import language_of
from scrapers.text.places import Places, places_in
from scrapers.text.sentences import sentences_of
from scrapers.text.topics import category_of, classes_of

if TYPE_CHECKING:
    from scrapers.text.ner import Tagger

BATCH = 256
"""Sentences that a tagger is given at once."""


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


def read(passages: Iterable[Passage], tagger: Tagger | None = None) -> Iterator[Clue]:
    """The clues of passages, in the order of their text.

    `tagger` finds the names of places instead of the gazetteer (`--ner`).
    """
    sentences = ((p, text) for p in passages for text in _sentences(p))
    if tagger is None:
        for passage, text in sentences:
            yield _clue(passage, text, None)
        return
    while batch := list(islice(sentences, BATCH)):
        spans = tagger.spans([text for _, text in batch])
        for (passage, text), found in zip(batch, spans, strict=True):
            yield _clue(passage, text, found)


def _sentences(passage: Passage) -> list[str]:
    return sentences_of(passage.text) if passage.countries is None else [passage.text]


def _clue(passage: Passage, text: str, spans: list[tuple[int, int]] | None) -> Clue:
    places = _places(passage, text, spans)
    category = passage.category or category_of(text, passage.topic)
    return Clue(
        text=text,
        countries=places.countries or passage.page_countries,
        regions=passage.regions or places.regions,
        category=category,
        ade20k_classes=passage.ade20k_classes or classes_of(text, category),
        language=language_of(text),
        passage=passage,
    )


def _places(passage: Passage, text: str, spans: list[tuple[int, int]] | None) -> Places:
    if passage.countries is not None:
        return Places(passage.countries, passage.regions)
    return places_in(text, passage.page_countries, spans)
