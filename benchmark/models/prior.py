"""`prior`: the most frequent country of the training data, and the most frequent city in it.

What one scores without looking at any picture: the floor of every table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from benchmark.model import Model, Prediction, Setup, View, training_of
from georeasoner.answers import Answer
from georeasoner.errors import EmptyResultError
from georeasoner.registry import register


@register("model", "prior")
class Prior(Model):
    """The same answer for every view; ties go to the first in the alphabet."""

    learns = True

    def __init__(self, setup: Setup) -> None:
        train = training_of(setup, "prior")
        pairs = list(zip(*(train.truth[c].to_pylist() for c in ("country", "city")), strict=True))
        country = _most_frequent(country for country, _ in pairs)
        if country is None:
            raise EmptyResultError(f"{train.source} has no countries to count")
        city = _most_frequent(city for c, city in pairs if c == country)
        self.id = f"prior of {train.name}@{train.revision}"
        self.answer = Answer(country=country, city=city)

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        for view in views:
            yield Prediction(view.view_id, answer=self.answer, latency_s=0.0)


def _most_frequent(values: Iterable[str | None]) -> str | None:
    counts = Counter(value for value in values if value is not None)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None
