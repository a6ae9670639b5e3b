"""`ceiling`: the best answer that anyone could give to a scene of ClueWorld; an oracle.

It is told the exact list of visible clues and answers with the most probable country, and the most
probable city in it, of the posterior that the world's own table gives. No model that sees the
picture alone does better on countries in expectation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np

from benchmark.model import Model, Prediction, Setup, View
from georeasoner.answers import Answer
from georeasoner.errors import InputError
from georeasoner.registry import register


@register("model", "ceiling")
class Ceiling(Model):
    """ClueWorld tasks only: the truth about the clues is in the views' `extra`."""

    oracle = True

    def __init__(self, setup: Setup) -> None:
        from georeasoner.clueworld import World
        from georeasoner.clueworld.table import TABLE_FILE
        from georeasoner.provenance import file_sha256

        self._world = World.load()
        self.id = f"exact posterior of {TABLE_FILE.name}@{file_sha256(TABLE_FILE)[:12]}"

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        for view in views:
            countries, cities = self._world.posterior(_clues(view))
            country = self._world.countries[int(np.argmax(countries))]
            there = np.array([city.country == country for city in self._world.cities])
            city = self._world.cities[int(np.argmax(np.where(there, cities, -1.0)))]
            answer = Answer(country=country, city=city.name, lat=city.lat, lon=city.lon)
            yield Prediction(view.view_id, answer=answer, latency_s=0.0)


def _clues(view: View) -> dict[str, str]:
    known = json.loads(view.extra or "{}")
    if "clues" not in known:
        raise InputError(
            f"view {view.view_id} does not say which clues it shows",
            "a task made of ClueWorld",
            "choose another model for real views",
        )
    clues: dict[str, str] = known["clues"]
    return clues
