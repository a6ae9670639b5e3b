"""How well places and categories are found, on sentences that somebody labelled by hand.

    python -m scrapers.text.measure tests/data/place_sentences.jsonl [--ner MODEL] [--errors SPLIT]

In: JSON lines with `text`, `countries` and, where known, `regions`, `page`, `kind`, `category` and
`split`. Out: precision and recall over (sentence, country) pairs and over regions, the share of
right categories, and what went wrong by kind of sentence, for each split.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from georeasoner.errors import InputError
from scrapers.text.places import Places, places_in
from scrapers.text.topics import category_of

if TYPE_CHECKING:
    from scrapers.text.ner import Tagger


@dataclass
class Counts:
    """Pairs that were found and are right, found and wrong, and not found."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, found: set[str], expected: set[str]) -> None:
        """Count one sentence."""
        self.right += len(found & expected)
        self.wrong += len(found - expected)
        self.missed += len(expected - found)

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 1 where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of what is right that was found; 1 where there is nothing to find."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


@dataclass
class Scores(Counts):
    """The countries of a split's sentences, and beside them regions, kinds and categories."""

    sentences: int = 0
    regions: Counts = field(default_factory=Counts)
    kinds: dict[str, Counts] = field(default_factory=dict)
    categories_right: int = 0
    errors: list[str] = field(default_factory=list)


def read_labelled(path: Path) -> list[dict[str, Any]]:
    """The labelled sentences of a file. Raises `InputError` for a line that is none."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append({"text": row["text"], "countries": set(row["countries"]), **row})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} line {number}: {error}", "text and countries") from error
    return rows


def scores_of(rows: list[dict[str, Any]], tagger: Tagger | None = None) -> dict[str, Scores]:
    """The scores of each split; sentences without one are of the split "all"."""
    from georeasoner.gazetteer.places import fold

    scores: dict[str, Scores] = {}
    for row, found in _found(rows, tagger):
        split = scores.setdefault(row.get("split", "all"), Scores())
        countries, expected = set(found.countries), set(row["countries"])
        split.sentences += 1
        split.add(countries, expected)
        split.kinds.setdefault(row.get("kind", ""), Counts()).add(countries, expected)
        split.regions.add(
            {fold(r) for r in found.regions}, {fold(r) for r in row.get("regions", [])}
        )
        split.categories_right += category_of(row["text"]) == row.get("category")
        if countries != expected:
            told = " ".join(sorted(countries)) or "none"
            wanted = " ".join(sorted(expected)) or "none"
            split.errors.append(f"{row['text']} [{told}, expected {wanted}]")
    return scores


def _found(
    rows: list[dict[str, Any]], tagger: Tagger | None
) -> Iterator[tuple[dict[str, Any], Places]]:
    spans = tagger.spans([row["text"] for row in rows]) if tagger else [None] * len(rows)
    for row, found in zip(rows, spans, strict=True):
        yield row, places_in(row["text"], row.get("page", ()), found)


def report(scores: dict[str, Scores]) -> Iterator[str]:
    """The scores as lines of text."""
    for name, split in scores.items():
        regions, categories = split.regions, split.categories_right / split.sentences
        yield (
            f"{name}: {split.sentences} sentences, countries P {split.precision:.3f}"
            f" R {split.recall:.3f} ({split.right} right, {split.wrong} wrong,"
            f" {split.missed} missed), regions P {regions.precision:.3f}"
            f" R {regions.recall:.3f}, category {categories:.3f}"
        )
        for kind, counts in split.kinds.items():
            if counts.wrong or counts.missed:
                yield f"  {kind}: {counts.wrong} wrong, {counts.missed} missed of {counts.right}"


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--ner", help="a token-classification model")
    parser.add_argument("--errors", help="also print the wrong sentences of this split")
    given = parser.parse_args()
    tagger = None
    if given.ner:
        from scrapers.text.ner import Tagger

        tagger = Tagger(given.ner)
    scores = scores_of(read_labelled(given.file), tagger)
    lines = [*report(scores), *(scores[given.errors].errors if given.errors else ())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
