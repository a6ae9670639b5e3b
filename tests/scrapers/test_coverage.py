"""Coverage: clues counted by category and country, as a table, CSV and a map."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from georeasoner.errors import EmptyResultError
from georeasoner.gazetteer import Gazetteer
from georeasoner.gazetteer.worldmap import country_paths
from georeasoner.lake import Lake
from scrapers.coverage import coverage, shade, write_coverage

CLUES = [
    (["KE", "TZ"], "soil", True), (["KE"], "soil", None), (["KE"], None, False),
    (["SM"], "pole", True), ([], "pole", True), (None, "pole", True),
]  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("test", {}) as out:
        out.add("clues", [
            {"clue_id": str(n), "text": "x", "countries": countries, "category": category,
             "ai_training_allowed": allowed}
            for n, (countries, category, allowed) in enumerate(CLUES)
        ])  # fmt: skip
        out.accept(count=len(CLUES))
    return lake


def test_a_clue_counts_for_each_country_it_speaks_of(lake: Lake) -> None:
    found = coverage(lake)
    assert found.countries == {"KE": 3, "TZ": 1, "SM": 1}
    # category, clues, of these trainable, countries: Kenya's two and Tanzania's of the soil
    assert found.categories() == [("soil", 3, 2, 2), ("other", 1, 0, 1), ("pole", 1, 1, 1)]
    missing = found.without()
    assert len(missing) == len(Gazetteer.load().countries()) - 3 and "Kenya" not in missing


def test_the_files_have_every_country(lake: Lake, tmp_path: Path) -> None:
    write_coverage(coverage(lake), tmp_path)
    with (tmp_path / "coverage.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "country": "KE", "name": "Kenya", "category": "soil", "clues": "2", "trainable": "1",
    }  # fmt: skip
    assert len(rows) == 4
    drawn = (tmp_path / "coverage.svg").read_text()
    ElementTree.fromstring(drawn)
    names = {name: fill for fill, name in re.findall(r'fill="(#\w+)"><title>([^:<]+):', drawn)}
    assert names["Kenya"] == shade(3) != names["Tanzania"] == shade(1)
    assert names["Peru"] == shade(0)
    assert "SM" not in country_paths() and names["San Marino"] == shade(1)  # a dot


def test_no_clues_is_a_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EmptyResultError, match="no clues"):
        coverage(Lake.create(tmp_path / "lake"))


def test_the_command_prints_the_table(lake: Lake, georeasoner) -> None:
    said = georeasoner("coverage", lake.root).out
    assert re.search(r"^soil +3 +2 +2$", said, re.MULTILINE)
    assert "3 countries and territories; none speaks of" in said
