"""The shape of a scorer: what it is made of, what it reads, what it gives for a batch of views.

A scorer is one small file in `scoring/scorers` with a class under `@register("scorer", NAME)`.
Most look at pictures and derive from `ImageScorer`; one that needs other tables derives from
`Scorer` and says which rows it reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import InputError
from georeasoner.lake import KeySet, Lake, read_image
from scoring.decode import Refusal, safe_open
from scoring.perceptual import perceptual_hash

if TYPE_CHECKING:
    from PIL.Image import Image

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class ClueText:
    """A clue, as far as a scorer needs to know it."""

    clue_id: str
    text: str
    category: str | None


@dataclass(frozen=True)
class Setup:
    """What a scorer is made of. `precision` auto is bfloat16 on a GPU that has it."""

    model: str | None
    weights: NDArray[np.float64]  # (150,) of the ADE20K classes
    clues: Sequence[ClueText] = ()
    device: str | None = None  # "cpu", "cuda:0" ...; None: a GPU where there is one
    precision: Precision = "auto"
    compile: bool = False


@dataclass(frozen=True)
class Scored:
    """Results for N views; what a scorer does not know is None."""

    locatability: NDArray[np.float64]  # (N,)
    vectors: NDArray[np.float32] | None = None  # (N, D) of unit length
    class_shares: NDArray[np.float32] | None = None  # (N, 150)
    top_clues: list[list[dict[str, Any]]] | None = None  # N lists of {"clue_id", "similarity"}
    p_within: NDArray[np.float64] | None = None  # (N, 3) of 25, 200 and 750 km


class Prepared(NamedTuple):
    """One view, ready for `score`; `phash` is the perceptual hash of its picture."""

    value: Any
    phash: int | None = None


class Scorer(ABC):
    """Made as `Scorer(Setup(...))`.

    Making one finds the model (and raises `ModelError`); the weights are loaded when the first
    view comes, so that a run with nothing to do stays fast.
    """

    model_id: str  # name@revision
    synthetic_only = False  # what it says of real photographs means nothing
    embeds = False  # whether `Scored.vectors` are given
    weighted = True  # by the class weights, so that their hash is part of the score's id
    missing = Refusal("image_missing", "the lake has no row of images for it")

    @abstractmethod
    def keys(self, lake: Lake) -> KeySet:
        """The views that have what this scorer reads."""

    @abstractmethod
    def rows(self, lake: Lake, batch_rows: int) -> Iterator[dict[str, Any]]:
        """What it reads, one row with a `view_id` per view, always in the same order."""

    def ids(self, lake: Lake) -> Iterator[str]:
        """The views of `rows`, in their order. Override it where that takes less than `rows`."""
        return (row["view_id"] for row in self.rows(lake, 1024))

    def rows_from(self, lake: Lake, batch_rows: int, start: int) -> Iterator[dict[str, Any]]:
        """`rows` without the first `start`. Override it where they can be skipped unread."""
        return islice(self.rows(lake, batch_rows), start, None)

    @abstractmethod
    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        """One row to what `score` takes, or why it cannot be; called in threads."""

    def gather(self, values: list[Any]) -> Any:
        """Some `Prepared.value` as one batch, which has a length and can be sliced; in a thread."""
        return values

    @abstractmethod
    def score(self, inputs: Any) -> Scored:
        """What `gather` gives, or a part. Out of memory is raised as torch.OutOfMemoryError."""


class OneTableScorer(Scorer):
    """A scorer that reads one table of the lake as it stands, so that its rows can be skipped.

    What overrides `rows` alone derives from `Scorer`.
    """

    table: str
    columns: Sequence[str] | None = None  # all

    def keys(self, lake: Lake) -> KeySet:
        return lake.keys(self.table, ["view_id"])

    def rows(self, lake: Lake, batch_rows: int) -> Iterator[dict[str, Any]]:
        return self.rows_from(lake, batch_rows, 0)

    def rows_from(self, lake: Lake, batch_rows: int, start: int) -> Iterator[dict[str, Any]]:
        for batch in lake.batches(self.table, self.columns, batch_rows, start):
            yield from batch.to_pylist()

    def ids(self, lake: Lake) -> Iterator[str]:
        for batch in lake.batches(self.table, ["view_id"], 65536):
            yield from batch["view_id"].to_pylist()


class ImageScorer(OneTableScorer):
    """A scorer of pictures: it only says how one is prepared and how a batch is scored."""

    table = "images"
    min_side: int  # pixels that the shorter side of a picture must keep when it is decoded

    @abstractmethod
    def prepare(self, image: Image) -> Any:
        """One RGB picture to what `score` takes; called in threads."""

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        try:
            data = read_image(row, root)
        except InputError as error:
            return Refusal("image_missing", str(error))
        image = safe_open(data, min_side=self.min_side)
        if isinstance(image, Refusal):
            return image
        return Prepared(self.prepare(image), perceptual_hash(image))


class ViewScorer(OneTableScorer):
    """A scorer that knows a view by its row of `views` alone, without its picture."""

    table, columns = "views", ("view_id", "extra")
    missing = Refusal("view_missing", "the lake has no row of views for it")
