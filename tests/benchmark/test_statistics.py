"""Intervals that cover, comparisons that pair, all of it seeded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from benchmark.metric import all_metrics
from benchmark.outcomes import Label, Outcomes
from benchmark.statistics import (
    Resampling,
    clusters_of,
    compare,
    estimate,
    mcnemar_exact,
    sign_flip,
)
from georeasoner.errors import InputError


def country_only(right: np.ndarray, distance_km: np.ndarray | None = None) -> Outcomes:
    n = len(right)
    yes, no = np.ones(n, bool), np.zeros(n, bool)
    far = np.full(n, np.nan) if distance_km is None else distance_km
    return Outcomes({"country": Label(yes, yes, right), "city": Label(no, no, no)}, yes, far)


ACCURACY = {"country_accuracy": all_metrics()["country_accuracy"]}


def accuracy(right: np.ndarray, **settings):
    resampling = Resampling(len(right), **settings)
    return estimate(ACCURACY, country_only(right), resampling)["country_accuracy"]


def test_the_interval_is_as_wide_as_theory_says():
    right = np.arange(400) % 2 == 0
    found = accuracy(right, seed=1)
    # 1.96 * sqrt(0.5 * 0.5 / 400) = 0.049
    assert found.value == 0.5 and found.n == 400 and found.method == "bootstrap"
    assert found.low == pytest.approx(0.451, abs=0.005)
    assert found.high == pytest.approx(0.549, abs=0.005)
    assert found == accuracy(right, seed=1)
    assert found != accuracy(right, seed=2)


def test_the_interval_covers():
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(200):
        found = accuracy(rng.random(100) < 0.3, seed=seed, resamples=400)
        inside += found.low <= 0.3 <= found.high
    assert 182 <= inside <= 199  # 95 % of 200, give or take 2.6 standard deviations


def test_degenerate_shares_get_wilson():
    found = accuracy(np.zeros(10, bool))
    assert (found.value, found.method) == (0.0, "wilson")
    assert found.high == pytest.approx(0.27753, abs=1e-5)
    every = estimate(all_metrics(), country_only(np.ones(10, bool)), Resampling(10))
    assert every["country_accuracy"].low == pytest.approx(0.72247, abs=1e-5)
    # f1 of the lower end: 2 * 0.72247 / 1.72247
    assert every["country_f1"].low == pytest.approx(0.83888, abs=1e-4)
    # nothing is known of cities: undefined, not zero
    assert every["city_accuracy"].value is None and every["city_accuracy"].n == 0
    assert every["median_distance_answered_km"].value is None


def test_clusters_widen_the_interval():
    # 40 sequences of 10 views each, all right or all wrong: 40 independent draws, not 400
    truth = pa.table({
        "view_id": [str(i) for i in range(400)],
        "sequence_id": [str(i // 10) for i in range(400)],
        "lat": [10.0 + i // 10 for i in range(400)],
        "lon": [20.0] * 400,
    })  # fmt: skip
    right = (np.arange(400) // 10) % 2 == 0
    for by in ("sequence", "cell"):
        clusters = clusters_of(truth, by)
        assert len(set(clusters.tolist())) == 40
        found = accuracy(right, clusters=clusters)
        # 1.96 * sqrt(0.25 / 40) = 0.155
        assert found.high - found.value == pytest.approx(0.155, abs=0.02)
    degenerate = accuracy(np.zeros(400, bool), clusters=clusters)
    assert degenerate.high == pytest.approx(3.8415 / 43.8415, abs=1e-4)
    bare = truth.select(["view_id", "lat", "lon"])
    with pytest.raises(InputError, match="sequence"):
        clusters_of(bare, "sequence")


def test_mcnemar_by_hand():
    ours = np.array([1] * 8 + [0] * 1 + [1] * 20, bool)
    theirs = np.array([0] * 8 + [1] * 1 + [1] * 20, bool)
    # 9 discordant, 1 against: 2 * (1 + 9) / 2^9
    assert mcnemar_exact(ours, theirs) == pytest.approx(20 / 512)
    assert mcnemar_exact(ours, ours) == 1.0


def test_sign_flips_agree_with_the_exact_value():
    # six gains of one: only all plus and all minus are as large, 2 / 2^6
    assert sign_flip(np.ones(6), seed=0) == pytest.approx(2 / 64, abs=0.006)
    assert sign_flip(np.zeros(6), seed=0) == 1.0


def test_paired_differences_use_the_same_views():
    rng = np.random.default_rng(3)
    theirs = rng.random(300) < 0.5
    ours = theirs.copy()
    ours[np.flatnonzero(~theirs)[:15]] = True  # right wherever they are, and on 15 views more
    found = compare(ACCURACY["country_accuracy"], country_only(ours), country_only(theirs),
                    Resampling(300))  # fmt: skip
    assert found.value == pytest.approx(0.05)
    # unpaired, the half-width would be 0.08 and the interval would hold 0
    assert 0.02 < found.low < found.high < 0.08
    assert found.p == pytest.approx(2 / 2**15) and found.test == "exact McNemar"
    score = all_metrics()["geoguessr_score"]
    near, far = np.full(300, 10.0), np.full(300, 1000.0)
    found = compare(score, country_only(ours, near), country_only(ours, far), Resampling(300))
    # 5000 * (exp(-10 / 1492.7) - exp(-1000 / 1492.7))
    assert found.value == pytest.approx(2407.86, abs=0.1) and found.test == "sign flips"
    assert found.p == pytest.approx(1e-4)
    median = all_metrics()["median_distance_answered_km"]
    found = compare(median, country_only(ours, near), country_only(ours, far), Resampling(300))
    assert found.value == -990.0 and found.p is None
