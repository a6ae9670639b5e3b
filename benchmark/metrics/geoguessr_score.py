"""`geoguessr_score`: the mean of 5000 exp(-d / 1492.7 km) over all views, 0 where unanswered."""

from __future__ import annotations

from benchmark.metric import Floats, Metric, ratio
from benchmark.outcomes import Bools, Outcomes
from georeasoner import geodesy
from georeasoner.registry import register


class GeoguessrScore(Metric):
    """Points of 5000, not rounded."""

    def counted(self, outcomes: Outcomes) -> Bools:
        return outcomes.position_known

    def per_view(self, outcomes: Outcomes) -> Floats:
        return geodesy.geoguessr_score(outcomes.distance_km)

    def compute(self, outcomes: Outcomes, weights: Floats) -> Floats:
        counted = self.counted(outcomes)
        return ratio(weights @ (self.per_view(outcomes) * counted), weights @ counted)


register("metric", "geoguessr_score")(GeoguessrScore("GeoGuessr score", unit="points"))
