"""The scorer "clip": embedding, class shares, the paper's locatability and the best clues."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.registry import register
from scoring.clip.source import resolve_clip
from scoring.locatability import area_locatability
from scoring.scored import ImageScorer, Scored, Setup

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from scoring.clip.model import ClipModel

TOP_CLUES = 12


@register("scorer", "clip")
class ClipScorer(ImageScorer):
    """Any open_clip or transformers CLIP; see `scoring.clip.model` for the measures."""

    embeds = True

    def __init__(self, setup: Setup) -> None:
        self._source = resolve_clip(setup.model)
        self.model_id = self._source.id
        self.min_side = self._source.image_size
        self.synthetic_only = self._source.readout.synthetic_only
        self._setup, self._clues = setup, setup.clues
        self._lock = Lock()

    @cached_property
    def _loaded(self) -> ClipModel:
        from scoring.clip.model import load_clip

        return load_clip(
            self._source, self._setup.device, self._setup.precision, self._setup.compile
        )

    @cached_property
    def _clue_vectors(self) -> NDArray[np.float32]:
        """(M, D), computed once per run."""
        return self._loaded.encode_text([clue.text for clue in self._clues])

    def prepare(self, image: Image) -> Tensor:
        with self._lock:  # the first of the threads loads the model
            model = self._loaded
        return model.preprocess(image)

    def gather(self, values: list[Tensor]) -> Tensor:
        return self._loaded.stack(values)

    def score(self, inputs: Tensor) -> Scored:
        vectors, shares = self._loaded.encode_images(inputs)
        return Scored(
            locatability=area_locatability(shares, self._setup.weights),
            vectors=vectors,
            class_shares=shares,
            top_clues=self._best(vectors) if self._clues else None,
        )

    def _best(self, vectors: NDArray[np.float32]) -> list[list[dict[str, Any]]]:
        """For each of (N, D) the clue of the greatest cosine in every category, best first.

        One of each category, since the clues of many countries say nearly the same of a thing;
        ties go by their order.
        """
        similarity = vectors @ self._clue_vectors.T
        best = np.stack(
            [rows[np.argmax(similarity[:, rows], axis=1)] for rows in self._categories], axis=1
        )  # (N, categories)
        found = []
        for row, candidates in zip(similarity, best, strict=True):
            ranked = sorted(candidates, key=lambda k: (-row[k], k))[:TOP_CLUES]
            found.append(
                [{"clue_id": self._clues[k].clue_id, "similarity": float(row[k])} for k in ranked]
            )
        return found

    @cached_property
    def _categories(self) -> list[NDArray[np.int64]]:
        """Which clues are of each category."""
        rows: dict[str | None, list[int]] = {}
        for at, clue in enumerate(self._clues):
            rows.setdefault(clue.category, []).append(at)
        return [np.array(places) for places in rows.values()]
