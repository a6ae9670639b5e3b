"""`country_accuracy_answered`, `city_accuracy_answered`: the share of the answered views that are
right, the accuracy of GeoReasoner's tables (Li et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metric import Share
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register


@dataclass(frozen=True)
class AccuracyAnswered(Share):
    """Right among the answered; undefined where nothing was answered."""

    label: str = "country"

    def counted(self, outcomes: Outcomes) -> Bools:
        label = outcomes.labels[self.label]
        return label.known & label.answered

    def right(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].right


for _label in ("country", "city"):
    register("metric", f"{_label}_accuracy_answered")(
        AccuracyAnswered(f"{_label.capitalize()} % of answered", label=_label)
    )
