"""The weights of the 150 ADE20K classes: a name or a file in, (150,) numbers out.

`published` are the paper's. `from-clues` are computed from the lake's own clues in the paper's
manner (Li et al. 2024): the cosine similarities of m clue texts and 150 class names by
Sentence-BERT, an (m, 150) matrix, reduced to 150 numbers and min-max normalised. The paper does
not say how it reduces; the mean of the cubed positive similarities is what came nearest to the
published vector on an independent corpus, and how near it comes here is printed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georeasoner.errors import ConfigError, EmptyResultError
from georeasoner.progress import log
from georeasoner.records import ADE20K_CLASSES
from scoring.locatability import class_names, published_weights

FROM_CLUES = "from-clues"
_ACCEPTED = "'published', 'from-clues', 'from-clues:SENTENCE-MODEL' or a JSON file"


def load_weights(weights: str, clues: Sequence[str] = ()) -> NDArray[np.float64]:
    """(150,) weights by name, or from a JSON file {"weights": [150 numbers]}.

    `clues` are the texts that `from-clues` reads. Raises `ConfigError` for what is neither,
    `EmptyResultError` for `from-clues` without a clue.
    """
    if weights == "published":
        return published_weights()
    name, _, model = weights.partition(":")
    if name == FROM_CLUES:
        return clue_weights(clues, model or None)
    path = Path(weights)
    if not path.is_file():
        raise ConfigError(f"weights {weights!r}", _ACCEPTED)
    try:
        values = np.asarray(json.loads(path.read_text(encoding="utf-8"))["weights"], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} holds no weights", '{"weights": [150 numbers]}') from error
    if values.shape != (ADE20K_CLASSES,) or not np.isfinite(values).all():
        raise ConfigError(
            f"{path} holds weights of shape {values.shape}", f"{ADE20K_CLASSES} finite numbers"
        )
    return values


def clue_weights(clues: Sequence[str], model: str | None = None) -> NDArray[np.float64]:
    """(150,) weights in [0, 1] from the texts of clues; tells how far the paper's agree.

    `model` is a sentence-transformers id or folder (None: the one installed with this package).
    Raises `EmptyResultError` without clues, or where they speak of no class at all.
    """
    from georeasoner.sentences import embed_sentences

    if not clues:
        raise EmptyResultError("no clues to weigh the classes by", "", "run `scrape builtin` first")
    texts = sorted(set(clues))  # a sentence that many pages repeat counts once
    similarity = embed_sentences(texts, model) @ embed_sentences(list(class_names()), model).T
    weights = reduce_similarities(similarity)
    spearman, pearson = agreement(weights)
    log(
        f"weights from {len(texts):,} clues: Spearman {spearman:.2f}, Pearson {pearson:.2f} with"
        " the published ones"
    )
    return weights


def reduce_similarities(similarity: ArrayLike) -> NDArray[np.float64]:
    """(m, n) cosines of clues and classes to (n,) weights from 0 to 1.

    The mean over the clues of max(0, cosine)^3, min-max normalised. Raises `EmptyResultError`
    where all classes come out alike.
    """
    mean = (np.clip(np.asarray(similarity, np.float64), 0, None) ** 3).mean(axis=0)
    low, high = mean.min(), mean.max()
    if not high > low:
        raise EmptyResultError("the clues speak of no class more than of another")
    # rounded, so that machines that differ in the last bits of a product give one hash
    return np.round((mean - low) / (high - low), 6)


def agreement(weights: ArrayLike) -> tuple[float, float]:
    """Spearman's and Pearson's correlation with the published weights."""
    from scipy.stats import pearsonr, spearmanr

    theirs = published_weights()
    return (
        float(spearmanr(weights, theirs).statistic),
        float(pearsonr(np.asarray(weights, np.float64), theirs).statistic),
    )


def weights_hash(weights: ArrayLike) -> str:
    """8 hex digits of the SHA-256 of the weights as little-endian float64: part of a score's id."""
    return hashlib.sha256(np.asarray(weights, dtype="<f8").tobytes()).hexdigest()[:8]
