"""A learned locatability: embedding and class shares in; how probably a model comes near out.

The model is a folder: `model.safetensors` (plain arrays), `config.json` (what it reads),
`provenance.json` and a card, `README.md`. Nothing in it is code, so a stranger's model can be
loaded. `scoring.learned.fit` makes one, the scorer "learned" applies it.

A head is a logistic function of random Fourier features (Rahimi and Recht 2007) of a view. Head
(f, g) saw no view in or next to a cell of the folds f and g, and was calibrated on g (Platt 1999).
A view in fold f, or near training views there, gets the mean of the heads (f, g) over all g; one
that is far from all training views, or without a position, the mean of all heads. The three
probabilities are put in order, which never takes them further from a truth that is in order
(Chernozhukov et al. 2010).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ConfigError, ModelError
from georeasoner.lake.files import TEMPORARY, write_bytes, write_json
from scoring.learned.neighbourhoods import KINDS, Folds
from scoring.model_files import content_revision, read_json

THRESHOLDS_KM = (25.0, 200.0, 750.0)
FORMAT = "georeasoner-locatability-2"
SHARE_WEIGHT = 0.5  # of the class shares beside the embedding, which has weight 1
_ACCEPTED = "a folder that `fit-locatability` made"
_ARRAYS = {"projection": 2, "phase": 1, "coefficients": 2, "intercepts": 2, "scored_fold": 1,
           "parents": 1, "parent_fold": 1, "cells": 1}  # fmt: skip

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class LocatabilityModel:
    """F Fourier features of D + 150 inputs, H heads for three thresholds, and the folds."""

    config: Mapping[str, Any]
    projection: Vectors  # (D + 150, F)
    phase: Vectors  # (F,)
    coefficients: Vectors  # (F, 3 H), threshold by threshold within each head
    intercepts: Vectors  # (H, 3)
    scored_fold: NDArray[np.int64]  # (H,) the fold f that head (f, g) is for
    folds: Folds

    def p_within(self, inputs: Vectors, lat: Floats, lon: Floats) -> Floats:
        """(N, D + 150) of `inputs_of` and positions (NaN: unknown) to (N, 3) probabilities."""
        each = self.heads(inputs)  # (N, H, 3)
        fold = self.folds.of(lat, lon)
        found = each.mean(axis=1)
        for number in range(self.folds.count):
            mine = fold == number
            found[mine] = each[mine][:, self.scored_fold == number].mean(axis=1)
        return np.sort(found, axis=1)

    def heads(self, inputs: Vectors) -> Floats:
        """(N, H, 3) what every head says, whatever it was fitted on."""
        features = fourier_features(inputs, self.projection, self.phase)
        logits = features @ self.coefficients + self.intercepts.ravel()
        shape = (len(inputs), len(self.scored_fold), len(THRESHOLDS_KM))
        return sigmoid(logits.astype(np.float64)).reshape(shape)

    @property
    def width(self) -> int:
        """How many numbers the embedding of a view has."""
        return len(self.projection) - 150


def inputs_of(vectors: NDArray[Any], shares: NDArray[Any]) -> Vectors:
    """(N, D) embeddings and (N, 150) class shares to (N, D + 150) inputs.

    Both parts have a constant length: embeddings are scaled to 1, and the roots of shares that
    sum to one to SHARE_WEIGHT, so their distances are the cosine's and Hellinger's.
    """
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    roots = np.sqrt(np.clip(np.asarray(shares, np.float32), 0, None))
    return np.concatenate([vectors / np.maximum(length, 1e-12), SHARE_WEIGHT * roots], axis=1)


def fourier_features(inputs: Vectors, projection: Vectors, phase: Vectors) -> Vectors:
    """(N, F) of expected squared length 1; their products approximate a Gaussian kernel."""
    return np.sqrt(2 / len(phase), dtype=np.float32) * np.cos(inputs @ projection + phase)


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    from scipy.special import expit

    return np.asarray(expit(logits))


def locatability_of(p_within: Floats) -> Floats:
    """(N, 3) to (N,): the mean of the three probabilities, the expected share of thresholds met.

    No scale is preferred: 25 km says city, 200 km region, 750 km country.
    """
    return p_within.mean(axis=1)


def refuse_used(folder: Path) -> None:
    """Raises `ConfigError` where a model cannot be saved, since something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already", "a new folder", "name another by --out")


def save_model(
    model: LocatabilityModel, folder: Path, card: str, provenance: Mapping[str, Any]
) -> str:
    """Write a new folder, whole or not at all; gives its revision. Raises `ConfigError`."""
    from safetensors.numpy import save

    refuse_used(folder)
    arrays = {
        "projection": model.projection, "phase": model.phase, "coefficients": model.coefficients,
        "intercepts": model.intercepts, "scored_fold": model.scored_fold,
        "parents": model.folds.parents, "parent_fold": model.folds.fold, "cells": model.folds.cells,
    }  # fmt: skip
    temporary = folder.with_name(TEMPORARY + folder.name)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_bytes(temporary / "model.safetensors", save(plain))
        write_json(temporary / "config.json", dict(model.config))
        write_json(temporary / "provenance.json", dict(provenance))
        revision = revision_of(temporary)
        write_bytes(temporary / "README.md", card.encode())
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return revision


def revision_of(folder: Path) -> str:
    """A hash of what decides the scores: the arrays and the config."""
    return content_revision([folder / "config.json", folder / "model.safetensors"])


def model_config(folder: Path) -> dict[str, Any]:
    """The config of a model folder. Raises `ModelError` where it is none."""
    if not (folder / "model.safetensors").is_file() or not (folder / "config.json").is_file():
        raise ModelError(f"{folder} holds no locatability model", _ACCEPTED)
    config = read_json(folder / "config.json", _ACCEPTED)
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder} is of format {config.get('format')!r}", FORMAT)
    needed = {"embeddings", "shares", "folds", "seed", "neighbourhood", "synthetic_only"}
    lacking = sorted(needed - set(config))
    if not lacking and config["neighbourhood"] not in KINDS:
        raise ModelError(f"neighbourhood {config['neighbourhood']!r}", f"one of {', '.join(KINDS)}")
    if lacking:
        raise ModelError(f"the config of {folder} lacks {', '.join(lacking)}", _ACCEPTED)
    return config


def load_model(folder: Path) -> LocatabilityModel:
    """The model of a folder. Raises `ModelError` for what is none or does not fit together."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    config = model_config(folder)
    try:
        arrays = load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise ModelError(f"{folder}/model.safetensors cannot be read: {error}", _ACCEPTED) from None
    if {name: array.ndim for name, array in arrays.items()} != _ARRAYS:
        raise ModelError(f"{folder}/model.safetensors holds {sorted(arrays)}", f"{sorted(_ARRAYS)}")
    folds = Folds(
        int(config["folds"]), int(config["seed"]), KINDS[config["neighbourhood"]],
        arrays["parents"], arrays["parent_fold"], arrays["cells"],
    )  # fmt: skip
    heads = len(arrays["scored_fold"])
    model = LocatabilityModel(
        config, arrays["projection"], arrays["phase"], arrays["coefficients"],
        arrays["intercepts"], arrays["scored_fold"], folds,
    )  # fmt: skip
    fits = (
        model.projection.shape[1] == len(model.phase) == len(model.coefficients)
        and model.coefficients.shape[1] == 3 * heads
        and model.intercepts.shape == (heads, 3)
        and set(model.scored_fold.tolist()) == set(range(folds.count))
        and set(folds.fold.tolist()) == set(range(folds.count))
    )
    if not fits:
        raise ModelError(f"the arrays of {folder} do not fit together", _ACCEPTED)
    return model
