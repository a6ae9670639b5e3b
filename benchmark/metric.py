"""What a metric is: outcomes and weights in, values out.

Each row of weights says how often every view counts, so ones give the plain value and the counts
of a bootstrap draw give its replicate: one definition serves both, and two models under the same
weights are compared view by view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.outcomes import Bools, Outcomes
from georeasoner import registry

Floats = NDArray[np.float64]
Unit = Literal["share", "points", "km"]


@dataclass(frozen=True)
class Metric(ABC):
    """Base of every metric. `title` heads its column."""

    title: str
    unit: Unit = "share"
    higher_is_better: bool = True

    @abstractmethod
    def counted(self, outcomes: Outcomes) -> Bools:
        """(N,) the views in the denominator; their number is the metric's n."""

    @abstractmethod
    def compute(self, outcomes: Outcomes, weights: Floats) -> Floats:
        """(B, N) weights to (B,) values, NaN where the metric is undefined."""

    def per_view(self, outcomes: Outcomes) -> Floats | None:
        """(N,) values whose mean over `counted` is the metric; None where it is no such mean."""
        return None

    def at_the_bound(self, outcomes: Outcomes, units: int) -> tuple[float, float] | None:
        """An interval for a value of exactly 0 or 1, where resampling shows no spread.

        `units` are the independent draws among the counted views. None for other values.
        """
        return None


@dataclass(frozen=True)
class Share(Metric):
    """The share of counted views that are right."""

    @abstractmethod
    def right(self, outcomes: Outcomes) -> Bools:
        """(N,) the views that count as right; only counted ones matter."""

    def compute(self, outcomes: Outcomes, weights: Floats) -> Floats:
        counted = self.counted(outcomes)
        return ratio(weights @ (self.right(outcomes) & counted), weights @ counted)

    def at_the_bound(self, outcomes: Outcomes, units: int) -> tuple[float, float] | None:
        counted = self.counted(outcomes)
        right = int((self.right(outcomes) & counted).sum())
        if not units or right not in (0, counted.sum()):
            return None
        return wilson(1.0 if right else 0.0, units)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, NaN where the bottom is 0."""
    result = np.full(np.shape(bottom), np.nan)
    np.divide(top, bottom, out=result, where=np.asarray(bottom) > 0)
    return result


def wilson(share: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The 95 % score interval of a binomial share (Wilson 1927); it has width at 0 and 1 too."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


@cache
def all_metrics() -> dict[str, Metric]:
    """Every registered metric by name: labels first, then distances."""
    found = {name: registry.get("metric", name) for name in registry.names("metric")}
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


_ORDER = (
    "country_accuracy", "city_accuracy", "accuracy_1km", "accuracy_25km", "accuracy_200km",
    "accuracy_750km", "accuracy_2500km", "geoguessr_score", "median_distance_answered_km",
)  # fmt: skip


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name), "") if name in _ORDER else (len(_ORDER), name)
