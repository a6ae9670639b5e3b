"""`country_accuracy`, `city_accuracy`: the share of all views with a known label that are right.

The denominator is strict: a view that was not answered is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metric import Share
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register


@dataclass(frozen=True)
class Accuracy(Share):
    """Right among all."""

    label: str = "country"

    def counted(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].known

    def right(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].right


for _label in ("country", "city"):
    register("metric", f"{_label}_accuracy")(Accuracy(f"{_label.capitalize()} %", label=_label))
