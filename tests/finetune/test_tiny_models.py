"""The two tiny models that ship: as good on fresh scenes as their cards say, and no geographers."""

from __future__ import annotations

import numpy as np
import pytest

from georeasoner.clueworld.models import CLIP, VLM

FRESH_SEED = 99  # neither of training nor of the cards


def chance_interval(n: int, p: float) -> tuple[float, float]:
    """Four standard deviations of a binomial share."""
    half = 4 * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


@pytest.fixture(scope="module")
def clip_figures():
    from finetune.tiny.clip_card import evaluate

    return evaluate(CLIP, scenes=160, seed=FRESH_SEED)


@pytest.fixture(scope="module")
def vlm_figures():
    from finetune.tiny.vlm_card import evaluate

    return evaluate(VLM, scenes=160, seed=FRESH_SEED)


def test_clip_recognises_clues(clip_figures):
    assert np.mean(list(clip_figures.recognition.values())) >= 0.8
    assert np.mean(list(clip_figures.dense_correlation.values())) >= 0.7
    assert len(clip_figures.dense_correlation) == 10


def test_clip_knows_no_geography(clip_figures):
    low, high = chance_interval(160, 1 / clip_figures.countries)
    assert low < clip_figures.country_accuracy < high


def test_the_vlm_describes(vlm_figures):
    assert vlm_figures.right >= 0.9
    assert vlm_figures.invented <= 0.02


def test_the_vlm_knows_no_geography(vlm_figures):
    assert vlm_figures.answers_parsed > 0.9
    low, high = chance_interval(160, 1 / vlm_figures.countries)
    assert low < vlm_figures.country_accuracy < high


def test_they_are_small():
    files = [p for folder in (CLIP, VLM) for p in folder.iterdir()]
    assert sum(p.stat().st_size for p in files) <= 30e6


def test_every_place_can_be_written():
    from transformers import AutoTokenizer

    from finetune.tiny.vlm_parts import new_tokenizer, place_names
    from georeasoner.clueworld import World

    world = World.load()
    shipped, made = AutoTokenizer.from_pretrained(VLM), new_tokenizer(world)
    for names in place_names(world):
        for name in names:
            ids = shipped(name).input_ids
            assert ids == made(name).input_ids
            assert shipped.decode(ids) == made.decode(ids) == name
