"""Near-identical clues are found, those of opposite meaning are not, and sources stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import ConfigError
from georeasoner.lake import Lake
from scoring.stage import _clues
from scrapers.merge import mark, merge_clues, worth

DAY = datetime(2026, 1, 1, tzinfo=UTC)

SAME = [
    ("Bollards in Norway have a black cap.", "Norway's bollards have black caps."),
    ("Licence plates in Israel are yellow.", "Israel has yellow license plates."),
    ("Most utility poles in Chile are made of concrete.",
     "Utility poles in Chile are mostly made of concrete."),
    ("Yellow outer lines are used in South Africa.", "South Africa uses yellow outer lines."),
    ("In Brazil bollards are yellow and black.", "IN BRAZIL BOLLARDS ARE YELLOW AND BLACK."),
    ("In Brazil bollards are yellow and black.", "“In Brazil bollards are yellow and black.”"),
    ("In Brazil bollards are yellow and black.", "In BRAZIL bollards are YELLOW and BLACK!"),
]  # fmt: skip
OPPOSITE = [
    ("Botswana drives on the left.", "Botswana drives on the right."),
    ("Norway has yellow centre lines.", "Norway has white centre lines."),
    ("Peru has white plates with black letters.", "Peru has black plates with white letters."),
    ("The sun is in the north in Chile.", "The sun is in the south in Chile."),
    ("Guardrails are common in Chile.", "Guardrails are not common in Chile."),
    ("Guardrails are common in Chile.", "Guardrails are rare in Chile."),
    ("Double yellow lines in Belize.", "Single yellow lines in Belize."),
    ("Kenya's code is +254.", "Kenya's code is +255."),
    ("Signs in Peru say PARE.", "Signs in Peru say ALTO."),
    ("Iceland has wooden poles.", "Iceland has concrete poles."),
    ("Roads in northern Ghana are red.", "Roads in southern Ghana are red."),
    ("Turkey has poles with a cap.", "Turkey has poles without a cap."),
    ("Fronts of houses in Laos are blue.", "Backs of houses in Laos are blue."),
    ("Chile has guardrails of type A.", "Chile has guardrails of type B."),
    ("SIGNS IN PERU SAY PARE.", "SIGNS IN PERU SAY ALTO."),
]


def clue(number: int, text: str, **known: Any) -> dict[str, Any]:
    return {
        "clue_id": f"{number:04d}", "text": text, "language": "en", "countries": ["NO"],
        "regions": [], "category": "bollard", "license": "CC BY-SA 4.0", "source": "a",
        "ai_training_allowed": True, "retrieved_at": DAY, **known,
    }  # fmt: skip


def lake_of(folder: Path, rows: list[dict[str, Any]]) -> Lake:
    lake = Lake.create(folder)
    with lake.writing("scrape-test", {}) as out:
        out.add("clues", rows)
        out.accept(count=len(rows))
    return lake


def test_the_same_in_other_words_is_merged_and_the_opposite_never(tmp_path: Path) -> None:
    pairs = [*SAME, *OPPOSITE]
    rows = [
        clue(10 * at + side, text, countries=[str(at)])
        for at, pair in enumerate(pairs)
        for side, text in enumerate(pair)
    ]
    lake = lake_of(tmp_path / "lake", rows)
    sums = merge_clues(lake)
    assert sums.accepted == 2 * len(pairs)
    assert dict(sums.notes) == {"groups": len(SAME), "merged": len(SAME)}
    groups = sorted(lake.read("clue_groups").to_pylist(), key=lambda row: row["clue_id"])
    ids = [f"{at:03d}{side}" for at in range(len(SAME)) for side in (0, 1)]
    assert [row["clue_id"] for row in groups] == ids
    assert all(row["keep"] == (row["clue_id"] == row["group_id"]) for row in groups)
    assert all(0.93 <= row["similarity"] <= 1.0 for row in groups)


def test_what_must_agree() -> None:
    first = clue(1, "Bollards have a cap.")
    for other in (
        {"countries": ["SE"]}, {"category": "pole"}, {"language": "nb"}, {"regions": ["Bergen"]},
        {"text": "Bollards have no cap."}, {"text": "Bollards haven't a cap."},
        {"text": "Bollards have 2 caps."}, {"text": 'Bollards have a "cap".'},
        {"text": "Bollards have a cap, unlike in Sweden."},
    ):  # fmt: skip
        assert mark(first) != mark(first | other)
    assert mark(first) == mark(first | {"text": "Caps are on bollards.", "source": "b"})
    assert mark(first) == mark(first | {"text": "In Norway bollards have a cap."})


def test_the_most_open_licence_is_kept_then_the_longest_known() -> None:
    text = "Bollards have a cap."
    in_order = [
        clue(9, text, license="CC0 1.0"),
        clue(8, text, license="CC-BY-4.0"),
        clue(7, text, license="CC BY-SA 4.0", retrieved_at=DAY - timedelta(days=1)),
        clue(3, text),
        clue(6, text),
        clue(5, text, license="CC BY-NC 4.0"),
        clue(4, text, license=None, retrieved_at=None),
        clue(2, text, license="CC0 1.0", ai_training_allowed=False),
    ]
    assert sorted(in_order, key=worth) == in_order


def test_sources_are_kept_and_one_query_lists_them(tmp_path: Path) -> None:
    rows = [
        clue(1, "Bollards in Norway have a black cap."),
        clue(2, "Norway's bollards have black caps.", source="b", license="CC0 1.0"),
        clue(3, "Norwegian bollards are made of plastic.", source="b"),
    ]
    lake = lake_of(tmp_path / "lake", rows)
    merge_clues(lake)
    assert lake.count("clues") == 3
    kept = [i for batch in lake.unique_clues(["clue_id"]) for i in batch["clue_id"].to_pylist()]
    assert kept == ["0002", "0003"]
    assert [clue.clue_id for clue in _clues(lake)] == kept  # what scoring reads
    found = lake.connect().sql(
        "SELECT list(source ORDER BY source) FROM clue_groups JOIN clues USING (clue_id)"
        " GROUP BY group_id"
    )
    assert found.fetchall() == [(["a", "b"],)]


def test_a_current_table_stays_and_the_order_of_the_clues_says_nothing(tmp_path: Path) -> None:
    texts = [text for pair in SAME for text in pair]
    rows = [clue(at, text, countries=[str(at // 2)]) for at, text in enumerate(texts)]
    lake = lake_of(tmp_path / "a", rows)
    first = merge_clues(lake)
    shards = lake.shards("clue_groups")
    assert merge_clues(lake) == first and lake.shards("clue_groups") == shards
    other = lake_of(tmp_path / "b", rows[::-1])
    merge_clues(other)
    one, two = (
        sorted((r["clue_id"], r["group_id"], r["keep"]) for r in x.read("clue_groups").to_pylist())
        for x in (lake, other)
    )
    assert one == two
    with lake.writing("scrape-more", {}) as out:
        out.add("clues", [clue(99, texts[0], countries=["0"], source="c")])
        out.accept()
    assert merge_clues(lake).notes["merged"] == first.notes["merged"] + 1


def test_a_lake_without_clues_has_no_groups(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    assert merge_clues(lake).inputs == 0 and lake.count("clue_groups") == 0
    assert list(lake.unique_clues()) == []
    with pytest.raises(ConfigError, match=r"a similarity of 1\.5.*above 0 and at most 1"):
        merge_clues(lake, similar=1.5)
