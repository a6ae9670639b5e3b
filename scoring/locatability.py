"""Locatability by area: the shares of 150 ADE20K classes in, one number per view out.

The paper's measure (GeoReasoner, Li et al., ICML 2024): what a picture shows is weighted by how
much people's clues talk about it. The published weights and the class names live beside this file.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georeasoner.errors import InputError
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
