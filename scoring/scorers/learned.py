"""The scorer "learned": the probability that a model places a view within 25, 200 and 750 km.

It applies a model folder that `fit-locatability` made to the embeddings and class shares in the
lake, without a picture. Best clues and the perceptual hash are passed on from the score with those
shares, so that a data set can be built by this score as by that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from georeasoner.errors import ModelError
from georeasoner.lake import KeySet, Lake
from georeasoner.registry import register
from scoring.decode import Refusal
from scoring.derived import embedded_views, joined_views, score_with_shares
from scoring.learned.model import (
    LocatabilityModel,
    inputs_of,
    load_model,
    locatability_of,
    model_config,
    revision_of,
)
from scoring.scored import Prepared, Scored, Scorer, Setup


@register("scorer", "learned")
class LearnedScorer(Scorer):
    """`--model` names the folder."""

    weighted = False
    missing = Refusal("not_embedded", "no embedding or no class shares by the model it needs")

    def __init__(self, setup: Setup) -> None:
        if setup.model is None:
            raise ModelError(
                "--scorer learned without a --model", "a folder that `fit-locatability` made"
            )
        self._folder = Path(setup.model).expanduser()
        config = model_config(self._folder)
        self.model_id = f"{self._folder.resolve().name}@{revision_of(self._folder)}"
        self.synthetic_only = bool(config["synthetic_only"])
        self._embeddings, self._shares = config["embeddings"], config["shares"]

    @cached_property
    def _model(self) -> LocatabilityModel:
        return load_model(self._folder)

    def keys(self, lake: Lake) -> KeySet:
        return embedded_views(lake, self._embeddings, score_with_shares(lake, self._shares))

    def rows(self, lake: Lake, batch_rows: int) -> Iterator[dict[str, Any]]:
        yield from joined_views(lake, self._embeddings, score_with_shares(lake, self._shares))

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        return Prepared(row, row["phash"])

    def score(self, inputs: Sequence[dict[str, Any]]) -> Scored:
        vectors, shares = (np.stack([row[c] for row in inputs]) for c in ("vector", "class_shares"))
        if vectors.shape[1] != self._model.width:
            raise ModelError(
                f"embeddings of {vectors.shape[1]} numbers", f"{self._model.width}, as fitted"
            )
        lat, lon = (np.array([row[c] for row in inputs]) for c in ("lat", "lon"))
        p_within = self._model.p_within(inputs_of(vectors, shares), lat, lon)
        clues = [row["top_clues"] or [] for row in inputs]
        return Scored(locatability_of(p_within), top_clues=clues, p_within=p_within)
