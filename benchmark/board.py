"""Runs of the same task side by side: ranked, with paired differences to the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.metric import all_metrics
from benchmark.outcomes import Outcomes
from benchmark.runs import Run
from benchmark.score import Scoring, outcomes_of
from benchmark.statistics import Difference, Estimate, compare, estimate

COMPARED = ("country_accuracy", "city_accuracy", "accuracy_750km", "geoguessr_score")


@dataclass(frozen=True)
class Entry:
    """One model on one task. `differences` are to the board's best, empty for that one."""

    run: Run
    outcomes: Outcomes
    estimates: dict[str, Estimate]
    differences: dict[str, Difference]

    @property
    def oracle(self) -> bool:
        """Whether it was told more than the picture, so that it is no competitor."""
        return bool(self.run.record["oracle"])


@dataclass(frozen=True)
class Board:
    """All models on one task, best first."""

    task: dict[str, Any]
    entries: tuple[Entry, ...]
    best: str | None
    scoring: Scoring


def boards(runs: Sequence[Run], scoring: Scoring) -> list[Board]:
    """One board per task, in the order in which tasks were first run."""
    by_task: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task_key, []).append(run)
    return [_board(group, scoring) for group in by_task.values()]


def _board(runs: list[Run], scoring: Scoring) -> Board:
    resampling = scoring.resampling(runs[0])
    scored = []
    for run in runs:
        found = outcomes_of(run)
        scored.append((run, found, estimate(all_metrics(), found, resampling)))
    scored.sort(key=lambda item: _rank(item[2]), reverse=True)
    best = next((item for item in scored if not item[0].record["oracle"]), None)
    entries = []
    for run, found, estimates in scored:
        differences = {}
        if best is not None and run is not best[0]:
            for name in COMPARED:
                differences[name] = compare(all_metrics()[name], found, best[1], resampling)
        entries.append(Entry(run, found, estimates, differences))
    return Board(runs[0].task, tuple(entries), best[0].name if best else None, scoring)


def _rank(estimates: dict[str, Estimate]) -> tuple[float, float]:
    """By country accuracy, then by GeoGuessr score; what is undefined comes last."""
    values = (estimates[name].value for name in ("country_accuracy", "geoguessr_score"))
    country, score = (-1.0 if value is None else value for value in values)
    return country, score


def results(found: Sequence[Board]) -> list[dict[str, Any]]:
    """Every value as one flat object: model, task, metric, value, low, high, n.

    Shares are between 0 and 1; a metric that is undefined has the value null.
    """
    return [
        {
            "model": entry.run.name,
            "task": board.task["name"],
            "metric": name,
            "value": value.value,
            "low": value.low,
            "high": value.high,
            "n": value.n,
        }
        for board in found
        for entry in board.entries
        for name, value in entry.estimates.items()
    ]
