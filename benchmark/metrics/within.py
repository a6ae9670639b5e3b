"""`accuracy_1km` to `accuracy_2500km`: the share of all views that are answered nearer than that.

Street 1 km, city 25 km, region 200 km, country 750 km, continent 2500 km; within means <, and a
view without a position in the answer is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.metric import Share
from benchmark.outcomes import Bools, Outcomes
from georeasoner.registry import register

THRESHOLDS_KM = (1, 25, 200, 750, 2500)


@dataclass(frozen=True)
class Within(Share):
    """Nearer than `distance_km` among all views with a known position."""

    distance_km: float = 25.0

    def counted(self, outcomes: Outcomes) -> Bools:
        return outcomes.position_known

    def right(self, outcomes: Outcomes) -> Bools:
        return outcomes.distance_km < self.distance_km  # NaN compares as False


for _km in THRESHOLDS_KM:
    register("metric", f"accuracy_{_km}km")(Within(f"< {_km} km %", distance_km=float(_km)))
