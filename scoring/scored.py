"""What every scorer gives the stage: one batch's results, and the shape of a scorer.

A scorer is one small file in `scoring/scorers` with a class under `@register("scorer", NAME)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class ClueText:
    """A clue, as far as a scorer needs to know it."""

    clue_id: str
    text: str
    category: str | None


@dataclass(frozen=True)
class Scored:
    """Results for N views; what a scorer does not know is None."""

    locatability: NDArray[np.float64]  # (N,)
    vectors: NDArray[np.float32] | None = None  # (N, D) of unit length
    class_shares: NDArray[np.float32] | None = None  # (N, 150)
    top_clues: list[list[dict[str, Any]]] | None = None  # N lists of {"clue_id", "similarity"}


class Scorer(Protocol):
    """Made as `Scorer(model=..., weights=(150,), clues=[ClueText, ...], device=...)`.

    Making one finds the model (and raises `ModelError`); the weights are loaded when the first
    picture comes, so that a run with nothing to do stays fast.
    """

    model_id: str  # name@revision
    min_side: int  # pixels that the shorter side of a picture must keep when it is decoded
    synthetic_only: bool  # what it says of real photographs means nothing
    embeds: bool  # whether `Scored.vectors` are given

    def prepare(self, image: Image) -> Any:
        """One RGB picture to what `score` takes; called in threads."""

    def score(self, inputs: Sequence[Any]) -> Scored:
        """A batch. Out of memory is raised as torch.OutOfMemoryError."""
