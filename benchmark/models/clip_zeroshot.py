"""`clip-zeroshot[:CLIP]`: StreetCLIP's two steps (Haas et al. 2023, arXiv 2302.00275).

First the country whose caption is most like the picture, then the city among the 30 most populous
of that country. Without a list of candidates these are all countries of the gazetteer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.batching import batches
from benchmark.candidates import Candidates
from benchmark.model import Model, Prediction, Setup, View
from georeasoner.answers import Answer
from georeasoner.gazetteer import Gazetteer
from georeasoner.registry import register
from scoring.captions import COUNTRY_CAPTION, country_captions

if TYPE_CHECKING:
    from scoring.clip.model import ClipModel, Vectors

CITY_CAPTION = "A Street View photo from {}."


@register("model", "clip-zeroshot")
class ClipZeroShot(Model):
    """Countries, then cities of the country found."""

    def __init__(self, setup: Setup) -> None:
        from scoring.clip.source import resolve_clip

        self._setup = setup
        self._source = resolve_clip(setup.model_id)
        self._gazetteer = Gazetteer.load()
        self._candidates = setup.candidates or Candidates.of_the_world(self._gazetteer)
        self._city_texts: dict[str, Vectors] = {}
        self.synthetic_only = self._source.readout.synthetic_only
        self.id = self._source.id

    def settings(self) -> dict[str, Any]:
        return {
            "candidates": self._candidates.id,
            "country_caption": COUNTRY_CAPTION,
            "city_caption": CITY_CAPTION,
        }

    @cached_property
    def _clip(self) -> ClipModel:
        from scoring.clip.model import load_clip

        return load_clip(self._source, self._setup.device)

    @cached_property
    def _countries(self) -> tuple[Sequence[str], Vectors]:
        codes = list(self._candidates.cities)
        return codes, self._clip.encode_text(country_captions(codes, self._gazetteer))

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        codes, texts = self._countries
        for batch in batches(views, self._setup.batch_size):
            started = time.monotonic()
            pooled, _ = self._clip.encode_images([view.image for view in batch])
            best = np.argmax(pooled @ texts.T, axis=1)
            answers = [
                Answer(country=codes[c], city=self._city(codes[c], vector))
                for c, vector in zip(best, pooled, strict=True)
            ]
            latency_s = (time.monotonic() - started) / len(batch)
            for view, answer in zip(batch, answers, strict=True):
                yield Prediction(view.view_id, answer=answer, latency_s=latency_s)

    def _city(self, country: str, vector: Vectors) -> str | None:
        cities = self._candidates.cities[country]
        if not cities:
            return None
        if country not in self._city_texts:
            captions = [CITY_CAPTION.format(city) for city in cities]
            self._city_texts[country] = self._clip.encode_text(captions)
        return cities[int(np.argmax(self._city_texts[country] @ vector))]
