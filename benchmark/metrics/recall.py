"""`country_recall`, `city_recall`: the share of views that were answered, right or wrong, the
recall of GeoReasoner's tables (Li et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metric import Share
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register


@dataclass(frozen=True)
class Recall(Share):
    """Answered among all."""

    label: str = "country"

    def counted(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].known

    def right(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].answered


for _label in ("country", "city"):
    register("metric", f"{_label}_recall")(
        Recall(f"{_label.capitalize()} answered %", label=_label)
    )
