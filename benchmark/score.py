"""A run in, its metrics with intervals out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from benchmark.metric import all_metrics
from benchmark.outcomes import Outcomes, outcomes
from benchmark.runs import Run
from benchmark.statistics import Cluster, Estimate, Resampling, clusters_of, estimate
from georeasoner.gazetteer import Gazetteer
from georeasoner.lake.files import write_json

RESAMPLES = 2000


@dataclass(frozen=True)
class Scoring:
    """How runs are scored: the same for all that are compared."""

    seed: int = 0
    resamples: int = RESAMPLES
    cluster: Cluster = "view"

    def resampling(self, run: Run) -> Resampling:
        """The draws for a run's task."""
        truth = truth_of(run)
        clusters = clusters_of(truth, self.cluster)
        return Resampling(truth.num_rows, self.seed, self.resamples, clusters)

    def describe(self) -> str:
        """One sentence for people."""
        over = {"view": "views", "sequence": "sequences of views", "cell": "H3 cells of views"}
        return (
            f"95 % percentile bootstrap over {over[self.cluster]}, {self.resamples:,} resamples, "
            f"seed {self.seed}; Wilson's interval where every or no view is right"
        )


def truth_of(run: Run) -> pa.Table:
    """The truth of a run's task in the order of the ids, the same for every run of it."""
    return run.table("truth").sort_by("view_id")


def outcomes_of(run: Run) -> Outcomes:
    """A run's answers beside the truth of its task."""
    return outcomes(truth_of(run), run.table("predictions"), Gazetteer.load())


def score_run(run: Run, scoring: Scoring | None = None) -> dict[str, Any]:
    """Every metric of a run with its interval, also written to its metrics.json."""
    scoring = scoring or Scoring()
    found = estimate(all_metrics(), outcomes_of(run), scoring.resampling(run))
    result = {
        "run_id": run.folder.name,
        "model": run.name,
        "task": run.task,
        "interval": {**asdict(scoring), "confidence": 0.95, "said": scoring.describe()},
        "metrics": {name: asdict(value) for name, value in found.items()},
    }
    write_json(run.folder / "metrics.json", result)
    return result


def shown(value: Estimate, unit: str) -> str:
    """An estimate as text: shares in percent, with the interval in brackets."""
    if value.value is None:
        return "–"
    scale, digits = {"share": (100.0, 1), "points": (1.0, 0), "km": (1.0, 0)}[unit]
    numbers: Sequence[float | None] = (value.value, value.low, value.high)
    texts = ["–" if n is None else f"{n * scale:,.{digits}f}" for n in numbers]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"
