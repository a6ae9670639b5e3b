"""Facts into sentences: a fact in, one clue out, always the same.

A country takes one of the wordings of its kind by a hash of the fact, so that neighbours in a table
read differently and a new row changes no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from georeasoner.gazetteer import Gazetteer
from scrapers.builtin.facts import Fact, Wording, kinds, read_facts, sources


@dataclass(frozen=True)
class BuiltinClue:
    """One sentence about one country, and where its fact comes from."""

    text: str
    country: str
    category: str
    ade20k_classes: tuple[str, ...]
    source_url: str


def wording(fact: Fact) -> Wording:
    """The first wording whose conditions the fact meets. Raises `LookupError` for none."""
    for candidate in kinds()[fact.kind].wordings:
        if all(fact.values[name] == value for name, value in candidate.when.items()):
            return candidate
    raise LookupError(f"{fact.kind}, {fact.country}: no wording for {fact.values}")


def clue(fact: Fact) -> BuiltinClue:
    """The clue that a fact makes."""
    kind, said = kinds()[fact.kind], wording(fact)
    key = "\x1f".join((fact.kind, fact.country, *fact.values.values()))
    choice = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % len(said.texts)
    name = Gazetteer.load().name_in_text(fact.country)
    text = said.texts[choice].format(country=name, **fact.values)
    own = said.ade20k_classes
    return BuiltinClue(
        text=text[0].upper() + text[1:].removesuffix("..") + "." * text.endswith(".."),
        country=fact.country,
        category=kind.category,
        ade20k_classes=tuple(kind.ade20k_classes if own is None else own),
        source_url=sources()[fact.sources[0]].url,
    )


def corpus() -> Iterator[BuiltinClue]:
    """Every clue of the corpus, kind by kind."""
    for kind in kinds():
        for fact in read_facts(kind):
            yield clue(fact)
