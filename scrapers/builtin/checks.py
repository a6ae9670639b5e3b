"""What must hold of the corpus: facts, sources and sentences in, one line for each fault out.

python -m scrapers.builtin.checks
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from georeasoner.gazetteer import Gazetteer
from scrapers.builtin.facts import Fact, kinds, read_facts, sources
from scrapers.builtin.sentences import clue, wording

BINDING = "comparison only"
MIN_WORDS = 4


def all_facts() -> list[Fact]:
    """Every fact of every kind."""
    return [fact for kind in kinds() for fact in read_facts(kind)]


def faults(facts: Iterable[Fact]) -> Iterator[str]:
    """One line for everything that is wrong with facts; nothing where all is well."""
    facts = list(facts)
    yield from _source_faults(facts)
    yield from _country_faults(facts)
    yield from _contradictions(facts)
    yield from _sentence_faults(facts)


def _source_faults(facts: list[Fact]) -> Iterator[str]:
    """Each fact has a source that was opened, and none that is there for comparison only."""
    for fact in facts:
        if not fact.sources:
            yield f"{_name(fact)}: no source"
        for name in fact.sources:
            if name not in sources():
                yield f"{_name(fact)}: source {name!r} is not in sources.yaml"
            elif sources()[name].use == BINDING:
                yield f"{_name(fact)}: {name} is for comparison only ({sources()[name].license})"
    used = {name for fact in facts for name in fact.sources}
    for name, source in sources().items():
        try:
            date.fromisoformat(source.opened)
        except ValueError:
            yield f"source {name}: opened {source.opened!r} is no date"
        if not source.url.startswith(("https://", "http://", "pkg:")):
            yield f"source {name}: {source.url!r} is no lasting address"
        if source.use != BINDING and name not in used:
            yield f"source {name}: no fact has it"


def _country_faults(facts: list[Fact]) -> Iterator[str]:
    known = set(Gazetteer.load().countries())
    for fact in facts:
        if fact.country not in known:
            yield f"{_name(fact)}: {fact.country!r} is no country code"


def _contradictions(facts: list[Fact]) -> Iterator[str]:
    """One row a country where a kind has one value, else one row a value; no empty first value."""
    keys = Counter(
        (fact.kind, fact.country, *([] if kinds()[fact.kind].once else fact.values.values()))
        for fact in facts
    )
    for key, count in keys.items():
        if count > 1:
            yield f"{', '.join(key)}: {count} rows"
    for fact in facts:
        if not next(iter(fact.values.values())).strip():
            yield f"{_name(fact)}: no value"


def _sentence_faults(facts: list[Fact]) -> Iterator[str]:
    """Every fact has a wording, and every sentence is whole, about its country, and said once."""
    seen: dict[str, Fact] = {}
    for fact in facts:
        try:
            wording(fact)
        except LookupError as error:
            yield str(error)
            continue
        text = clue(fact).text
        if len(text.split()) < MIN_WORDS or not text.endswith(".") or "\n" in text:
            yield f"{_name(fact)}: {text!r} is no whole sentence"
        if "{" in text or "  " in text or ".." in text or not text[0].isupper():
            yield f"{_name(fact)}: {text!r} is badly formed"
        if Gazetteer.load().name(fact.country).strip() not in text:
            yield f"{_name(fact)}: {text!r} does not name the country"
        if text in seen:
            yield f"{_name(fact)}: the sentence of {_name(seen[text])}"
        seen[text] = fact


def _name(fact: Fact) -> str:
    return f"{fact.kind}, {fact.country}"


def main() -> int:
    found = list(faults(all_facts()))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
