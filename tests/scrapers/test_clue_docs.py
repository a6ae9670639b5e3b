"""Every SQL query that the documents on clues show runs."""

from __future__ import annotations

import re

import pytest

from georeasoner.config import REPOSITORY
from georeasoner.lake import Lake
from scrapers.merge import merge_clues
from scrapers.stage import scrape

QUERIES = [
    (file.name, query)
    for file in sorted((REPOSITORY / "docs").glob("*clues*.md"))
    for query in re.findall(r'georeasoner sql "([^"]+)" --on LAKE', file.read_text())
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("docs")
    lake = Lake.create(folder / "lake")
    rows = folder / "rows.jsonl"
    line = '{"text": "%s", "source_url": "https://a.example/", "license": "CC0-1.0"}'
    rows.write_text("\n".join(line % text for text in ("Poles in Kenya are short.", "No place.")))
    scrape(lake, f"jsonl:{rows}")
    merge_clues(lake)
    return lake


@pytest.mark.parametrize(("file", "query"), QUERIES)
def test_a_query_of_the_docs_runs(lake: Lake, file: str, query: str, georeasoner) -> None:
    done = georeasoner("sql", query, "--on", lake.root)
    assert done.code == 0, done.err


def test_there_are_queries() -> None:
    assert {file for file, _ in QUERIES} >= {"clues.md", "clues-rights.md", "clues-text.md"}
