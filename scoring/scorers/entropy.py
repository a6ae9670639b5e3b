"""The scorer "entropy": how sure CLIP is of the country, from the embeddings in the lake.

Locatability is 1 - H / log n: H is Shannon's entropy of the zero-shot probabilities of the n
countries of the gazetteer, the softmax of logit scale times the cosine of a view and StreetCLIP's
caption of a country. 1: sure of one country; 0: all alike. No picture is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.lake import KeySet, Lake
from georeasoner.registry import register
from scoring.captions import country_captions
from scoring.choose import choose_model
from scoring.clip.source import resolve_clip
from scoring.decode import Refusal
from scoring.derived import embeddings_of
from scoring.scored import Prepared, Scored, Scorer, Setup


@register("scorer", "entropy")
class EntropyScorer(Scorer):
    """`--model` names the CLIP whose embeddings the lake has."""

    weighted = False
    missing = Refusal("not_embedded", "no embedding by the model whose texts are compared")

    def __init__(self, setup: Setup) -> None:
        self._source = resolve_clip(setup.model)
        self.model_id = self._source.id
        self.synthetic_only = self._source.readout.synthetic_only
        self._device, self._lock = setup.device, Lock()

    @cached_property
    def _texts(self) -> NDArray[np.float32]:
        """(n, D) of the countries, times the logit scale."""
        from georeasoner.gazetteer import Gazetteer
        from scoring.clip.model import load_clip

        clip, gazetteer = load_clip(self._source, self._device), Gazetteer.load()
        captions = country_captions(gazetteer.countries(), gazetteer)
        return clip.logit_scale * clip.encode_text(captions)

    def keys(self, lake: Lake) -> KeySet:
        choose_model(lake, self.model_id)
        return KeySet(row["view_id"] for row in embeddings_of(lake, self.model_id))

    def rows(self, lake: Lake, batch_rows: int) -> Iterator[dict[str, Any]]:
        yield from embeddings_of(lake, self.model_id)

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        return Prepared(row["vector"])

    def score(self, inputs: Sequence[NDArray[np.float32]]) -> Scored:
        vectors = np.stack(inputs)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return Scored(certainty(unit @ self._texts.T))


def certainty(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, n) logits to (N,): 1 - H / log n of their softmax, in [0, 1]."""
    from scipy.special import log_softmax

    log_p = log_softmax(np.asarray(logits, np.float64), axis=1)
    entropy = -(np.exp(log_p) * log_p).sum(axis=1)
    return np.clip(1 - entropy / np.log(log_p.shape[1]), 0, 1)
