"""What a model answered beside what is true, as aligned arrays: all that a metric ever sees.

Labels count only where the truth has them. A country or city that was not said, or that the
gazetteer does not know, is no answer; a distance without an answer is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georeasoner.gazetteer.places import fold
from georeasoner.geodesy import haversine_km

if TYPE_CHECKING:
    from georeasoner.gazetteer import Gazetteer

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Label:
    """One kind of label over N views: is the truth known, was it answered, is the answer right."""

    known: Bools  # (N,)
    answered: Bools  # (N,)
    right: Bools  # (N,)


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of N views: `labels` for "country" and "city", and the distance in km."""

    labels: Mapping[str, Label]
    position_known: Bools  # (N,)
    distance_km: NDArray[np.float64]  # (N,), NaN where no position was answered

    def __len__(self) -> int:
        return len(self.distance_km)


def outcomes(truth: pa.Table, predictions: pa.Table, gazetteer: Gazetteer) -> Outcomes:
    """Align predictions with the truth: one entry per row of `truth`, answered or not.

    `truth` has view_id, lat, lon, country, city; `predictions` is of the lake's table of that name.
    A view without a prediction is unanswered. A city is right when it is the true one by name (or
    by an alias that the gazetteer knows) and the country is right or was left open.
    """
    said: dict[str, dict[str, Any]] = {row["view_id"]: row for row in predictions.to_pylist()}
    rows = truth.to_pylist()
    answers = [said.get(row["view_id"], {}) for row in rows]
    countries = [(r["country"], a.get("country")) for r, a in zip(rows, answers, strict=True)]
    cities = _Cities(gazetteer)
    city_right = [
        cities.same(r["city"], a.get("city"), r["country"], a.get("country"))
        for r, a in zip(rows, answers, strict=True)
    ]
    labels = {
        "country": Label(
            _bools(t is not None for t, _ in countries),
            _bools(s is not None for _, s in countries),
            _bools(t is not None and t == s for t, s in countries),
        ),
        "city": Label(
            _bools(r["city"] is not None for r in rows),
            _bools(a.get("city") is not None for a in answers),
            _bools(city_right),
        ),
    }
    true = _floats(rows)
    return Outcomes(labels, ~np.isnan(true[0]), haversine_km(*true, *_floats(answers)))


class _Cities:
    """Whether two names mean the same city, each pair looked up once."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._known: dict[tuple[str, str, str], bool] = {}

    def same(
        self, true: str | None, said: str | None, country: str | None, country_said: str | None
    ) -> bool:
        if true is None or said is None or country_said not in (None, country):
            return False
        if fold(true) == fold(said):
            return True
        if country is None:
            return False
        key = (true, said, country)
        if key not in self._known:
            found = [self._gazetteer.city(name, country) for name in (true, said)]
            self._known[key] = found[0] is not None and found[0] == found[1]
        return self._known[key]


def _bools(values: Any) -> Bools:
    return np.fromiter(values, dtype=np.bool_)


def _floats(rows: list[dict[str, Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = [(row.get("lat"), row.get("lon")) for row in rows]
    both = [(np.nan, np.nan) if None in pair else pair for pair in pairs]
    array = np.asarray(both, dtype=np.float64).reshape(-1, 2)
    return array[:, 0], array[:, 1]
