"""Locatability by area: the shares of 150 ADE20K classes in, one number per view out.

The paper's measure (GeoReasoner, Li et al., ICML 2024): what a picture shows is weighted by how
much people's clues talk about it. The published weights and the class names live beside this file.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georeasoner.errors import ConfigError, InputError
from georeasoner.records import ADE20K_CLASSES

_DATA = Path(__file__).with_name("ade20k_weights.json")


@cache
def _published() -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = json.loads(_DATA.read_text(encoding="utf-8"))["classes"]
    return classes


def published_weights() -> NDArray[np.float64]:
    """(150,) the weights that GeoReasoner published, in [0, 1], in the order of `class_names`."""
    return np.array([c["weight"] for c in _published()], dtype=np.float64)


def class_names() -> tuple[str, ...]:
    """The 150 ADE20K class names; synonyms are separated by commas ("road, route")."""
    return tuple(c["name"] for c in _published())


def load_weights(weights: str) -> NDArray[np.float64]:
    """(150,) weights by name: "published", or a JSON file {"weights": [150 numbers]}.

    Raises `ConfigError` when it is neither.
    """
    if weights == "published":
        return published_weights()
    path = Path(weights)
    if not path.is_file():
        raise ConfigError(f"weights {weights!r}", "'published' or a JSON file")
    try:
        values = np.asarray(json.loads(path.read_text(encoding="utf-8"))["weights"], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} holds no weights", '{"weights": [150 numbers]}') from error
    if values.shape != (ADE20K_CLASSES,) or not np.isfinite(values).all():
        raise ConfigError(
            f"{path} holds weights of shape {values.shape}", f"{ADE20K_CLASSES} finite numbers"
        )
    return values


def weights_hash(weights: ArrayLike) -> str:
    """8 hex digits of the SHA-256 of the weights as little-endian float64: part of a score's id."""
    return hashlib.sha256(np.asarray(weights, dtype="<f8").tobytes()).hexdigest()[:8]


def area_locatability(shares: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Sum over the classes of share x weight (Li et al. 2024): (N, 150) and (150,) give (N,).

    Shares are fractions of the picture, so the result lies between the least and the greatest
    weight when they sum to one. Raises `InputError` on other shapes.
    """
    share, weight = np.asarray(shares, np.float64), np.asarray(weights, np.float64)
    if share.ndim != 2 or weight.shape != (ADE20K_CLASSES,) or share.shape[1] != ADE20K_CLASSES:
        raise InputError(
            f"shares {share.shape} and weights {weight.shape}",
            f"(N, {ADE20K_CLASSES}) and ({ADE20K_CLASSES},)",
        )
    return share @ weight
