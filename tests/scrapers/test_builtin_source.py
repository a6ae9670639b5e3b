"""`scrape builtin`: the rows that it gives, their provenance, and the weights made from them."""

from __future__ import annotations

import hashlib

import pytest

from builders.ingest import ingest
from georeasoner.cli.data import take_builtin_clues
from georeasoner.errors import InputError
from georeasoner.lake import Lake
from scrapers.builtin import RELEASED, VERSION
from scrapers.builtin.facts import table
from scrapers.builtin.sentences import corpus
from scrapers.source import open_source
from scrapers.stage import scrape


def test_scrape_builtin(tmp_path) -> None:
    lake = Lake.create(tmp_path / "lake")
    result = scrape(lake, "builtin")
    expected = {(c.text, c.country, c.category) for c in corpus()}
    assert result.urls is None
    assert result.sentences.inputs == result.sentences.accepted == len(expected)
    rows = lake.read("clues").to_pylist()
    assert {(r["text"], *r["countries"], r["category"]) for r in rows} == expected
    assert {r["license"] for r in rows} == {"CC0-1.0"}
    assert {r["retrieved_at"] for r in rows} == {RELEASED}
    assert all(r["ai_training_allowed"] and not r["synthetic"] and not r["rights"] for r in rows)
    row = next(r for r in rows if "ALTO" in r["text"])
    assert row["source_url"] == "https://www.irishsignage.com/archives/497"
    assert row["ade20k_classes"] == ["signboard, sign"]
    assert row["content_sha256"] == hashlib.sha256(table("stop_sign").read_bytes()).hexdigest()
    run = lake.last_run("scrape-builtin")
    assert run and run["config"]["version"] == VERSION

    again = scrape(lake, "builtin")
    assert again.sentences.accepted == 0 and again.sentences.inputs == len(expected)


def test_it_takes_no_argument() -> None:
    with pytest.raises(InputError, match="builtin:2; expected builtin"):
        open_source("builtin:2")


def test_a_lake_without_clues_gets_it_for_its_weights(tmp_path, capsys) -> None:
    lake = Lake.create(tmp_path / "lake")
    ingest(lake, "clueworld:2")
    take_builtin_clues(lake, "published")
    assert not lake.count("clues")
    take_builtin_clues(lake, "from-clues:MODEL")
    assert set(lake.read("clues")["source"].to_pylist()) == {"builtin"}
    assert "the lake has no clues, so it gets the corpus that ships" in capsys.readouterr().err
    take_builtin_clues(lake, "from-clues")  # it has some now
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_weights_from_the_corpus_agree_with_the_published_ones(tmp_path, georeasoner) -> None:
    path = tmp_path / "lake"
    georeasoner("ingest", "clueworld:2", "--lake", path)
    done = georeasoner("score", path, "--scorer", "oracle", "--weights", "from-clues")
    assert done.code == 0
    assert f"weights from {len(list(corpus())):,} clues: Spearman 0.6" in done.err
