"""The scorer "clip": embedding, class shares, the paper's locatability and the best clues."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.registry import register
from scoring.clip_source import resolve_clip
from scoring.locatability import area_locatability
from scoring.scored import Scored

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from scoring.clip import ClipModel

TOP_CLUES = 5


@register("scorer", "clip")
class ClipScorer:
    """Any open_clip or transformers CLIP; see `scoring.clip` for the measures."""

    embeds = True

    def __init__(
        self,
        model: str | None,
        weights: NDArray[np.float64],
        clues: Sequence[tuple[str, str]],
        device: str | None,
    ) -> None:
        self._source = resolve_clip(model)
        self.model_id = self._source.id
        self.min_side = self._source.image_size
        self.synthetic_only = self._source.readout.synthetic_only
        self._weights, self._clues, self._device = weights, clues, device
        self._lock = Lock()

    @cached_property
    def _loaded(self) -> ClipModel:
        from scoring.clip import load_clip

        return load_clip(self._source, self._device)

    @cached_property
    def _clue_vectors(self) -> NDArray[np.float32]:
        """(M, D), computed once per run."""
        return self._loaded.encode_text([text for _, text in self._clues])

    def prepare(self, image: Image) -> Tensor:
        with self._lock:  # the first of the threads loads the model
            model = self._loaded
        return model.preprocess(image)

    def score(self, inputs: Sequence[Tensor]) -> Scored:
        vectors, shares = self._loaded.encode_images(inputs)
        return Scored(
            locatability=area_locatability(shares, self._weights),
            vectors=vectors,
            class_shares=shares,
            top_clues=self._best(vectors) if self._clues else None,
        )

    def _best(self, vectors: NDArray[np.float32]) -> list[list[dict[str, Any]]]:
        """The clues of the greatest cosine for each of (N, D), best first, ties by their order."""
        similarity = vectors @ self._clue_vectors.T
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :TOP_CLUES]
        return [
            [{"clue_id": self._clues[k][0], "similarity": float(row[k])} for k in best]
            for row, best in zip(similarity, order, strict=True)
        ]
