"""The one licence in the head of a card is that of all the rows, views and clues, or `other`."""

from __future__ import annotations

from collections import Counter

import pytest

from builders.card import _clue_licences, _hub_licence
from builders.dataset import Contents

CLUES = "| licence | clues |"


@pytest.mark.parametrize(
    ("views", "clues", "licence"),
    [
        (["CC0-1.0"], ["CC0 1.0", "CC0"], "cc0-1.0"),  # ClueWorld's views and pages
        (["CC-BY-SA-4.0"], [], "cc-by-sa-4.0"),
        (["CC-BY-SA-4.0"], ["CC BY-SA 4.0"], "cc-by-sa-4.0"),
        (["CC-BY-SA-4.0"], ["CC0 1.0"], "other"),
        (["CC0-1.0", "CC-BY-4.0"], [], "other"),
        (["CC0-1.0"], [None], "other"),
        ([None], [], "other"),
    ],
)
def test_the_header_covers_views_and_clues(
    views: list[str | None], clues: list[str | None], licence: str
) -> None:
    contents = Contents(licenses=Counter(views), clue_licenses=Counter(clues))
    assert _hub_licence(contents) == licence
    assert (CLUES in _clue_licences(contents)) is (licence == "other" and bool(clues))


def test_the_table_counts_the_clues_of_each_licence() -> None:
    clues = Counter({"CC BY-SA 4.0": 1200, "CC0-1.0": 3, None: 1})
    table = _clue_licences(Contents(licenses=Counter(["CC0-1.0"]), clue_licenses=clues))
    rows = ["| CC BY-SA 4.0 | 1,200 |", "| CC0-1.0 | 3 |", "| unknown | 1 |"]
    assert table.splitlines()[-3:] == rows
