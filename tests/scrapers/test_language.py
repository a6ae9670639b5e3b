"""The language of sentences, on sentences labelled by hand."""

from __future__ import annotations

import json
from pathlib import Path

from scrapers.text.language import language_of

DATA = Path(__file__).resolve().parent.parent / "data"


def _rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def test_the_labelled_sentences() -> None:
    """75 sentences of 30 languages, 26 of them English with foreign words in it, 5 of none."""
    rows = _rows("language_sentences.jsonl")
    right = [language_of(row["text"]) == row["language"] for row in rows]
    assert len(rows) == 75 and sum(right) >= 73


def test_english_clues_are_english() -> None:
    found = [language_of(row["text"]) for row in _rows("place_sentences.jsonl")]
    assert sum(language == "en" for language in found) >= 0.99 * len(found)


def test_a_name_in_another_script_is_not_the_sentence() -> None:
    assert language_of("Boards in Armenia read Հայաստան (the land's name).") == "en"


def test_nothing_to_tell_by_is_none() -> None:
    assert [language_of(text) for text in ("", "+254", "12 / 7", '"Ulica"')] == [None] * 4
