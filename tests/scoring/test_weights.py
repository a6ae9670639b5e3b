"""Class weights from clues: the reduction by hand, and a real Sentence-BERT on real sentences."""

from __future__ import annotations

import numpy as np
import pytest

from georeasoner.errors import EmptyResultError, ModelError
from georeasoner.lake import Lake
from scoring.locatability import class_names
from scoring.weights import agreement, clue_weights, load_weights, reduce_similarities

CLUES = [
    "Road lines in the middle are yellow.",
    "The road has dashed white edge lines.",
    "Street signs are blue with white letters.",
    "Wooden utility poles carry the wires.",
]


def test_reduction_by_hand() -> None:
    """Cubes of positives: (1 + 0.125) / 2, (0 + 0.125) / 2, 0; the largest is 1, the least 0."""
    similarity = [[1.0, -0.9, -0.1], [0.5, 0.5, 0.0]]
    np.testing.assert_allclose(reduce_similarities(similarity), [1.0, 0.125 / 1.125, 0.0], 1e-5)


def test_weights_follow_what_clues_speak_of() -> None:
    weights = dict(zip(class_names(), clue_weights(CLUES), strict=True))
    assert min(weights.values()) == 0.0 and max(weights.values()) == 1.0
    for outdoors in ("road, route", "signboard, sign", "pole"):
        assert weights[outdoors] > 5 * weights["pillow"], outdoors
    assert np.array_equal(clue_weights(CLUES), clue_weights([*reversed(CLUES), CLUES[0]]))


def test_agreement_of_the_published_with_themselves() -> None:
    assert agreement(load_weights("published")) == pytest.approx((1.0, 1.0))


def test_mistakes_are_named() -> None:
    with pytest.raises(
        EmptyResultError, match="no clues to weigh the classes by; run `scrape builtin`"
    ):
        load_weights("from-clues")
    with pytest.raises(EmptyResultError, match="no class more than of another"):
        reduce_similarities(np.full((2, 150), -0.1))
    with pytest.raises(ModelError, match=r"\./none is no sentence model"):
        load_weights("from-clues:./none", CLUES)


def test_a_score_by_the_lakes_own_clues(tmp_path, georeasoner) -> None:
    """The hash of the weights is in the id, so both scores stand side by side; build names one."""
    path = tmp_path / "lake"
    georeasoner("ingest", "clueworld:30", "--lake", path)
    lake = Lake.open(path)
    with lake.writing("test", {}) as out:
        for number, text in enumerate(CLUES):
            out.add("clues", [{"clue_id": f"c{number}", "text": text}])
            out.accept(f"c{number}")
    assert georeasoner("score", path, "--scorer", "oracle").code == 0
    done = georeasoner("score", path, "--scorer", "oracle", "--weights", "from-clues")
    assert done.code == 0
    spearman, pearson = agreement(load_weights("from-clues", CLUES))
    said = f"weights from 4 clues: Spearman {spearman:.2f}, Pearson {pearson:.2f}"
    assert said in done.err
    ids = sorted(set(lake.read("scores")["score_id"].to_pylist()))
    assert len(ids) == 2
    out = tmp_path / "data"
    options = ("--min-locatability", 0)
    done = georeasoner("build", path, "--out", out, *options)
    assert done.code == 2 and "--scores" in done.err and not out.exists()
    for number, score_id in enumerate(ids):
        done = georeasoner("build", path, "--out", f"{out}{number}", "--scores", score_id, *options)
        assert done.code == 0, done.err
