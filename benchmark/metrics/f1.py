"""`country_f1`, `city_f1`: 2 a r / (a + r) of the accuracy over answered views a and the share
answered r, as GeoReasoner's tables have it (Li et al. 2024); 0 where nothing was answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metric import Floats, Metric, ratio, wilson
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register


def f1(accuracy_answered: Floats | float, recall: Floats | float) -> Floats:
    """2 a r / (a + r), 0 where both are."""
    a, r = np.asarray(accuracy_answered, dtype=float), np.asarray(recall, dtype=float)
    return np.nan_to_num(ratio(2 * a * r, a + r))


@dataclass(frozen=True)
class F1(Metric):
    """The harmonic mean of accuracy over the answered and the share answered."""

    label: str = "country"

    def counted(self, outcomes: Outcomes) -> Bools:
        return outcomes.labels[self.label].known

    def compute(self, outcomes: Outcomes, weights: Floats) -> Floats:
        label = outcomes.labels[self.label]
        known = weights @ label.known
        answered = weights @ (label.known & label.answered)
        right = np.nan_to_num(ratio(weights @ (label.known & label.right), answered))
        value = f1(right, np.nan_to_num(ratio(answered, known)))
        return np.where(known > 0, value, np.nan)

    def at_the_bound(self, outcomes: Outcomes, units: int) -> tuple[float, float] | None:
        """f1 at the ends of Wilson's interval of the part that is at its bound."""
        label = outcomes.labels[self.label]
        known = int(label.known.sum())
        answered = int((label.known & label.answered).sum())
        right = int((label.known & label.right).sum())
        if not units or right not in (0, known):
            return None
        if not answered:
            return 0.0, float(f1(1.0, wilson(0.0, units)[1]))
        low, high = wilson(right / answered, max(1, round(units * answered / known)))
        return float(f1(low, answered / known)), float(f1(high, answered / known))


for _label in ("country", "city"):
    register("metric", f"{_label}_f1")(F1(f"{_label.capitalize()} F1", label=_label))
