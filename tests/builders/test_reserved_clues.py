"""Clues that may not be trained on: marked, quoted by no view, and overridden only by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from builders.dataset import build
from builders.ingest import ingest
from builders.reserved import OVERRIDDEN
from finetune.recipe import FinetuneRecipe
from georeasoner.lake import Lake

SIGNAL = "robots.txt: Content-Signal: ai-train=no"
# (clue_id, source, licence, free for training): two reserved by their site, one without a licence
CLUES = (
    ("a1", "alpha", "CC BY-SA 4.0", False),
    ("a2", "alpha", "CC BY-SA 4.0", False),
    ("b1", "beta", None, False),
    ("c1", "gamma", "CC0-1.0", True),
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Six drawn views, scored by hand, each of which matches every clue."""
    lake = Lake.create(tmp_path / "lake")
    ingest(lake, "clueworld:6")
    with lake.writing("scrape", {}) as out:
        for name, source, licence, free in CLUES:
            row = {
                "clue_id": name, "text": f"Text of {name}.", "source": source, "countries": ["FR"],
                "category": name,
                "license": licence, "ai_training_allowed": free,
                "rights": [] if free else [SIGNAL],
            }  # fmt: skip
            out.add("clues", [row])
            out.accept()
    matching = [{"clue_id": name, "similarity": 0.5} for name, *_ in CLUES]
    with lake.writing("score", {"score_id": "clip:test@1:abc"}) as out:
        for view in lake.read("views", ["view_id"]).to_pylist():
            row = {
                "score_id": "clip:test@1:abc", "view_id": view["view_id"], "locatability": 0.9,
                "class_shares": [1 / 150] * 150, "top_clues": matching,
            }  # fmt: skip
            out.add("scores", [row])
            out.accept()
    return lake.root


def contents(folder: Path, tmp_path: Path) -> tuple[dict[str, dict], set[str], str, dict]:
    """The clues by id, the texts that views quote, the card, the counts of provenance.json."""
    from datasets import load_dataset

    cache = str(tmp_path / "cache")
    clues = load_dataset(str(folder), "clues", split="train", cache_dir=cache)
    views = load_dataset(str(folder), "views", cache_dir=cache)
    quoted = {text for split in views.values() for row in split for text in row["clues"]}
    record = json.loads((folder / "provenance.json").read_text())
    card = (folder / "README.md").read_text()
    return {row["clue_id"]: row for row in clues}, quoted, card, record["contents"]


def test_reserved_clues_are_marked_and_not_quoted(lake: Path, tmp_path: Path) -> None:
    build(Lake.open(lake), tmp_path / "out")
    clues, quoted, card, counts = contents(tmp_path / "out", tmp_path)
    assert {k: v["ai_training_allowed"] for k, v in clues.items()} == {
        "a1": False, "a2": False, "c1": True,
    }  # fmt: skip
    assert quoted == {"Text of c1."}
    assert (counts["clues_reserved"], counts["clues_withheld"]) == (2, 1)
    assert "2 clues are not for training" in card and "overridden" not in card


def test_an_override_names_the_source_and_the_card_says_so(
    georeasoner, lake: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = georeasoner("build", lake, "--out", out, "--allow-training", "alpha")
    assert done.code == 0, done.err
    clues, quoted, card, counts = contents(out, tmp_path)
    assert clues["a1"]["ai_training_allowed"] is True
    assert clues["a1"]["rights"] == [SIGNAL, OVERRIDDEN]
    assert quoted == {"Text of a1.", "Text of a2.", "Text of c1."}
    assert counts["clues_overridden"] == {"alpha": 2} and counts["clues_reserved"] == 0
    (notice,) = [line for line in card.splitlines() if line.startswith("> **Reservations over")]
    assert "alpha (2)" in notice and "not for training" in notice

    both = ("--allow-training", "alpha", "--allow-training", "beta", "--local-only")
    assert georeasoner("build", lake, "--out", tmp_path / "local", *both).code == 0
    _, quoted, card, _ = contents(tmp_path / "local", tmp_path)
    assert "alpha (2), beta (1)" in card and "Text of b1." in quoted
    # the lake itself keeps what the sites say
    free = Lake.open(lake).read("clues", ["ai_training_allowed"]).to_pydict()
    assert free["ai_training_allowed"] == [False, False, False, True]


def test_what_may_not_be_trained_on_is_no_reason_in_training(
    georeasoner, lake: Path, tmp_path: Path
) -> None:
    """The examples of the first tuning stage, before and after the override."""
    from transformers import AutoProcessor

    from finetune.train import stage_data
    from georeasoner.clueworld.models import VLM

    processor = AutoProcessor.from_pretrained(VLM)

    def said(name: str, *options: str) -> str:
        out = tmp_path / name
        assert georeasoner("build", lake, "--out", out, *options).code == 0
        recipe = FinetuneRecipe(base_model=str(VLM), dataset=str(out), out=str(tmp_path / "t"))
        return " ".join(stage_data(recipe, "reasoning", processor)["completion"])

    before = said("before")
    assert "c1" in before and "a1" not in before and "a2" not in before
    after = said("after", "--allow-training", "alpha")
    assert "c1" in after and "a1" in after and "a2" in after


@pytest.mark.parametrize("name", ["gamma", "nobody"])
def test_only_sources_with_reserved_clues_can_be_named(
    georeasoner, lake: Path, tmp_path: Path, name: str
) -> None:
    done = georeasoner("build", lake, "--out", tmp_path / "out", "--allow-training", name)
    assert done.code == 2 and not (tmp_path / "out").exists()
    assert f"{name}: the lake has no reserved clues of it; expected one of alpha (2), beta (1)" in (
        done.err
    )


def test_another_override_is_another_data_set(georeasoner, lake: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert georeasoner("build", lake, "--out", out).code == 0
    done = georeasoner("build", lake, "--out", out, "--allow-training", "alpha")
    assert done.code == 2 and "made otherwise" in done.err and "allow_training" in done.err
    header = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    assert header["configs"]
