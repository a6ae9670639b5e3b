"""Passages into sentences."""

from __future__ import annotations

import pytest

from scrapers.text.sentences import sentences_of


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (" a\n b ", ["a b"]),
        ("", []),
        ("St. Lucia is wet. It is green.", ["St. Lucia is wet.", "It is green."]),
        ("Poles, e.g. Peru's, are tall.", ["Poles, e.g. Peru's, are tall."]),
        ("In the U.S. South it is hot.", ["In the U.S. South it is hot."]),
        ("It is in the U.S. The poles tell.", ["It is in the U.S.", "The poles tell."]),
        ("J. Smith saw it. No. 5 too.", ["J. Smith saw it.", "No. 5 too."]),
        ('It says "Stop." (In red.) 3 more.', ['It says "Stop."', "(In red.)", "3 more."]),
        ("Gen 3.5 is rare. ¿Calle? Sí.", ["Gen 3.5 is rare.", "¿Calle?", "Sí."]),
        ("Wait... what", ["Wait... what"]),
        ("red soil. tall poles", ["red soil.", "tall poles"]),  # written without capitals
        ("Red soil. tall poles", ["Red soil. tall poles"]),
        ("左側通行です。青い標識。", ["左側通行です。", "青い標識。"]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


def test_nothing_is_lost() -> None:
    text = 'A b. C d! (E.) "F." g. H… i? J' * 3
    assert "".join(sentences_of(text)).replace(" ", "") == text.replace(" ", "")
