"""`nearest[:CLIP]`: the place of the training view that looks most alike to CLIP.

With more neighbours the country is voted for, weighted by similarity, and the answer is the nearest
neighbour in that country.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.batching import batches
from benchmark.model import Model, Prediction, Setup, View, training_of
from georeasoner.answers import Answer
from georeasoner.errors import EmptyResultError
from georeasoner.progress import log, track
from georeasoner.registry import register

if TYPE_CHECKING:
    from scoring.clip.model import ClipModel


@register("model", "nearest")
class Nearest(Model):
    """k nearest neighbours by cosine similarity of CLIP embeddings, exact search."""

    learns = True

    def __init__(self, setup: Setup) -> None:
        from scoring.clip.source import resolve_clip

        self._setup = setup
        self._train = training_of(setup, "nearest")
        self._source = resolve_clip(setup.model_id)
        self.synthetic_only = self._source.readout.synthetic_only
        self.id = f"nearest by {self._source.id} in {self._train.name}@{self._train.revision}"

    def settings(self) -> dict[str, Any]:
        return {"neighbours": self._setup.neighbours}

    @cached_property
    def _clip(self) -> ClipModel:
        from scoring.clip.model import load_clip

        return load_clip(self._source, self._setup.device)

    @cached_property
    def _index(self) -> tuple[Any, list[Answer]]:
        """The FAISS index of the training views, and the place of each of its rows."""
        import faiss

        from scoring.decode import Refusal, safe_open

        rows = {row["view_id"]: row for row in self._train.truth.to_pylist()}
        places: list[Answer] = []
        vectors = []
        unreadable = 0

        def pictures() -> Iterator[Any]:
            nonlocal unreadable
            for view_id, data in self._train.read_pictures(frozenset(rows)):
                image = data if isinstance(data, Refusal) else safe_open(data)
                if isinstance(image, Refusal):
                    unreadable += 1
                    continue
                row = rows[view_id]
                places.append(
                    Answer(country=row["country"], city=row["city"], lat=row["lat"], lon=row["lon"])
                )
                yield image

        read = track(pictures(), "nearest: training views", len(rows))
        for batch in batches(read, self._setup.batch_size):
            vectors.append(self._clip.encode_images(batch)[0])
        if unreadable:
            log(f"nearest: {unreadable} training pictures could not be read")
        if not vectors:
            raise EmptyResultError(f"{self._train.source} has no picture that can be read")
        stacked = np.concatenate(vectors)
        index = faiss.IndexFlatIP(stacked.shape[1])
        index.add(stacked)
        return index, places

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        index, places = self._index
        k = min(self._setup.neighbours, len(places))
        for batch in batches(views, self._setup.batch_size):
            started = time.monotonic()
            pooled, _ = self._clip.encode_images([view.image for view in batch])
            similarity, found = index.search(pooled, k)
            latency_s = (time.monotonic() - started) / len(batch)
            for view, scores, rows in zip(batch, similarity, found, strict=True):
                answer = _vote([places[r] for r in rows], scores.tolist())
                yield Prediction(view.view_id, answer=answer, latency_s=latency_s)


def _vote(places: list[Answer], scores: list[float]) -> Answer:
    votes: dict[str | None, float] = {}
    for place, score in zip(places, scores, strict=True):
        votes[place.country] = votes.get(place.country, 0.0) + score
    winner = max(votes, key=lambda country: votes[country])
    return next(place for place in places if place.country == winner)
