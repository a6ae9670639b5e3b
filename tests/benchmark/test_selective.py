"""Measures of a score against errors: by hand on five views, ties, extremes, and as a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from benchmark.selective import (
    Order,
    auroc,
    brier,
    calibration_error,
    risk_coverage,
    spearman,
)

ONE = np.ones((1, 5))
WITHIN = np.array([1.0, 1.0, 0.0, 1.0, 0.0])
ERROR = np.array([1.0, 5.0, 900.0, 20.0, 5000.0])
PERFECT = np.array([0.9, 0.8, 0.3, 0.7, 0.1])


def test_five_views_by_hand():
    score = Order.of(np.array([0.9, 0.5, 0.7, 0.2, 0.1]))
    # ranks of the score 5 3 4 2 1, of -error 5 4 2 3 1: 1 - 6 * (0 + 1 + 4 + 1 + 0) / 120
    assert spearman(score, Order.of(-ERROR), ONE)[0] == pytest.approx(0.7)
    # pairs of within and not: 0.9 > 0.7, 0.1; 0.5 > 0.1 only; 0.2 > 0.1 only: 4 of 6
    assert auroc(score, WITHIN, ONE)[0] == pytest.approx(4 / 6)
    # by score: right, wrong, right, right, wrong: risks 0, 1/2, 1/3, 1/4, 2/5
    curve = risk_coverage(score, WITHIN, ONE, np.array([0.2, 0.4, 1.0]))
    assert curve.area[0] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert curve.risk[0] == pytest.approx([0, 1 / 2, 2 / 5])


def test_perfect_reversed_and_constant_scores():
    error = Order.of(-ERROR)
    for sign in (1, -1):
        score = Order.of(sign * PERFECT)
        assert spearman(score, error, ONE)[0] == pytest.approx(sign)
        assert auroc(score, WITHIN, ONE)[0] == pytest.approx((1 + sign) / 2)
    # perfect: 0 0 0 1/4 2/5; reversed: 1 1 2/3 2/4 2/5
    assert risk_coverage(Order.of(PERFECT), WITHIN, ONE).area[0] == pytest.approx(0.13)
    assert risk_coverage(Order.of(-PERFECT), WITHIN, ONE).area[0] == pytest.approx(
        (1 + 1 + 2 / 3 + 2 / 4 + 2 / 5) / 5
    )
    constant = Order.of(np.full(5, 0.3))
    assert np.isnan(spearman(constant, error, ONE)[0])
    assert auroc(constant, WITHIN, ONE)[0] == pytest.approx(0.5)
    curve = risk_coverage(constant, WITHIN, ONE, np.array([0.2, 1.0]))
    assert curve.area[0] == pytest.approx(0.4)  # the share of views that are wrong
    assert curve.risk[0] == pytest.approx([0.4, 0.4])


def test_undefined_is_nan():
    score = Order.of(PERFECT)
    assert np.isnan(auroc(score, np.ones(5), ONE)[0])  # nothing to tell apart
    assert np.isnan(spearman(score, Order.of(np.zeros(5)), ONE)[0])


def test_ties_and_weights_are_those_of_the_views_written_out():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, 60) / 5
    within, error = (rng.random(60) < 0.4).astype(float), rng.integers(0, 9, 60).astype(float)
    times = rng.integers(0, 4, 60)
    again = np.repeat(np.arange(60), times)
    weights = times[None].astype(float)
    assert spearman(Order.of(values), Order.of(error), weights)[0] == pytest.approx(
        spearmanr(values[again], error[again]).statistic
    )
    assert auroc(Order.of(values), within, weights)[0] == pytest.approx(
        roc_auc_score(within[again], values[again])
    )
    # the expectation over random orders of the ties
    areas = []
    for _ in range(3000):
        shuffled = rng.permutation(again)
        by_score = shuffled[np.argsort(-values[shuffled], kind="stable")]
        areas.append((np.cumsum(1 - within[by_score]) / np.arange(1, len(again) + 1)).mean())
    expected = risk_coverage(Order.of(values), within, weights).area[0]
    assert expected == pytest.approx(np.mean(areas), abs=4 * np.std(areas) / 3000**0.5)


def test_pooled_models_are_pairs_of_view_and_model():
    # two models: both within, one of two, none; by hand each view twice
    share, score = np.array([1.0, 0.5, 0.0, 0.5]), np.array([0.9, 0.6, 0.6, 0.1])
    pairs = np.array([1, 1, 1, 0, 0, 0, 1, 0], float)
    found = auroc(Order.of(score), share, np.ones((1, 4)))[0]
    assert found == pytest.approx(roc_auc_score(pairs, np.repeat(score, 2)))
    found = brier(score, share, np.ones((1, 4)))[0]
    assert found == pytest.approx(((pairs - np.repeat(score, 2)) ** 2).mean())


def test_calibration_by_hand():
    p = np.array([0.8, 0.8, 0.8, 0.8, 0.2, 0.2, 0.2, 0.2])
    y = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    ones = np.ones((1, 8))
    # equal probabilities are one bin: |0.8 - 0.75| and |0.2 - 0.25|
    assert calibration_error(p, y, ones)[0] == pytest.approx(0.05)
    # (6 * 0.04 + 2 * 0.64) / 8
    assert brier(p, y, ones)[0] == pytest.approx(0.19)
    assert calibration_error(y, y, ones)[0] == 0.0
