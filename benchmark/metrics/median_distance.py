"""`median_distance_answered_km`: the median distance over the views that were answered.

Its name says that unanswered views are left out: a model that answers little may look good here.
"""

from __future__ import annotations

import numpy as np

from benchmark.metric import Floats, Metric
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register


class MedianDistanceAnswered(Metric):
    """Kilometres; undefined where nothing was answered."""

    def counted(self, outcomes: Outcomes) -> Bools:
        return ~np.isnan(outcomes.distance_km)

    def compute(self, outcomes: Outcomes, weights: Floats) -> Floats:
        order = np.argsort(outcomes.distance_km)[: int(self.counted(outcomes).sum())]
        if not len(order):
            return np.full(len(weights), np.nan)
        ascending = outcomes.distance_km[order]
        reached = np.cumsum(weights[:, order], axis=1)  # (B, answered)
        half = reached[:, -1:] / 2
        # the mean of the two middle ones where half of the weight lies exactly between them
        last = len(order) - 1
        low = np.minimum((reached < half).sum(axis=1), last)
        high = np.minimum((reached <= half).sum(axis=1), last)
        median = (ascending[low] + ascending[high]) / 2
        return np.where(half[:, 0] > 0, median, np.nan)


register("metric", "median_distance_answered_km")(
    MedianDistanceAnswered("Median km of answered", unit="km", higher_is_better=False)
)
