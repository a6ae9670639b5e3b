"""Metrics on cases small enough to count by hand, and against published figures."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmark.metric import all_metrics, wilson
from benchmark.metrics.f1 import f1
from benchmark.outcomes import Label, Outcomes
from georeasoner.geodesy import geoguessr_score, haversine_km


def flags(text: str) -> np.ndarray:
    return np.array([c == "1" for c in text])


@pytest.fixture
def five() -> Outcomes:
    """Country: 4 answered of 5, 2 right. City: truth known for 4, 1 of 2 answered is right."""
    return Outcomes(
        {
            "country": Label(flags("11111"), flags("11110"), flags("11000")),
            "city": Label(flags("11110"), flags("11000"), flags("10000")),
        },
        flags("11111"),
        np.array([0.5, 25.0, 199.0, 3000.0, np.nan]),
    )


def plain(name: str, outcomes: Outcomes) -> float:
    return float(all_metrics()[name].compute(outcomes, np.ones((1, len(outcomes))))[0])


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("country_accuracy", 2 / 5, 5),
        ("country_accuracy_answered", 2 / 4, 4),
        ("country_recall", 4 / 5, 5),
        ("country_f1", 2 * 0.5 * 0.8 / 1.3, 5),
        ("city_accuracy", 1 / 4, 4),  # the fifth view has no known city
        ("city_accuracy_answered", 1 / 2, 2),
        ("city_recall", 2 / 4, 4),
        ("city_f1", 0.5, 4),
        ("accuracy_1km", 1 / 5, 5),
        ("accuracy_25km", 1 / 5, 5),  # 25.0 km is not within 25 km
        ("accuracy_200km", 3 / 5, 5),
        ("accuracy_750km", 3 / 5, 5),
        ("accuracy_2500km", 3 / 5, 5),  # the unanswered one is wrong, not left out
        ("median_distance_answered_km", (25.0 + 199.0) / 2, 4),
        (
            "geoguessr_score",
            1000 * sum(math.exp(-d / 1492.7) for d in (0.5, 25.0, 199.0, 3000.0)),
            5,
        ),
    ],
)
def test_by_hand(five, name, value, n):
    assert plain(name, five) == pytest.approx(value)
    assert all_metrics()[name].counted(five).sum() == n


def test_weights_are_repetitions(five):
    twice = np.array([[2.0, 0, 1, 0, 1]])  # the views 0, 0, 2, 4
    metrics = all_metrics()
    assert metrics["country_accuracy"].compute(five, twice)[0] == pytest.approx(2 / 4)
    assert metrics["country_accuracy_answered"].compute(five, twice)[0] == pytest.approx(2 / 3)
    assert metrics["median_distance_answered_km"].compute(five, twice)[0] == 0.5
    unanswered = np.array([[0.0, 0, 0, 0, 3]])
    assert np.isnan(metrics["country_accuracy_answered"].compute(five, unanswered)[0])
    assert np.isnan(metrics["median_distance_answered_km"].compute(five, unanswered)[0])
    assert metrics["country_f1"].compute(five, unanswered)[0] == 0.0


def test_f1_reproduces_the_papers_tables(shared_data: Path):
    tables = json.loads((shared_data / "paper_tables.json").read_text())
    rows = [
        entry[label]
        for entry in tables["main_table"] + tables["ablation"]
        for label in ("country", "city")
    ]
    assert len(rows) == 16
    for row in rows:
        # accuracies are printed to 4 digits and recalls to 2: half a unit of the last each
        slack = abs(f1(row["accuracy"], row["recall"] + 0.005) - f1(row["accuracy"], row["recall"]))
        assert f1(row["accuracy"], row["recall"]) == pytest.approx(row["f1"], abs=slack + 1e-4)


def test_distances_and_scores_of_osv5m(shared_data: Path):
    with (shared_data / "osv5m_game_predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 50
    for suffix in ("", "_base"):
        columns = ["true_lat", "true_lon", f"pred_lat{suffix}", f"pred_lon{suffix}"]
        distance = haversine_km(*([float(r[c]) for r in rows] for c in columns))
        theirs = np.array([float(r[f"distance{suffix}"]) for r in rows])
        assert distance == pytest.approx(theirs, rel=1e-6)
        scores = np.array([float(r[f"score{suffix}"]) for r in rows])
        assert geoguessr_score(distance) == pytest.approx(scores, rel=1e-5)
        nothing = Label(flags("0" * 50), flags("0" * 50), flags("0" * 50))
        outcomes = Outcomes({"country": nothing, "city": nothing}, flags("1" * 50), distance)
        assert plain("geoguessr_score", outcomes) == pytest.approx(scores.mean(), rel=1e-5)
        assert plain("accuracy_750km", outcomes) == (theirs < 750).mean()
        assert plain("median_distance_answered_km", outcomes) == pytest.approx(np.median(theirs))


def test_wilson():
    # no success in 10: high = z^2 / (n + z^2) = 3.8415 / 13.8415
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)
    assert wilson(1.0, 10) == pytest.approx((0.72247, 1.0), abs=1e-5)
