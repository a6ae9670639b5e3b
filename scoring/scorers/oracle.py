"""The scorer "oracle": the exact area locatability of ClueWorld's scenes, from their true masks.

A drawn scene has an exact mask; its class shares are what a perfect segmentation would find. So
the paper's formula can be looked at without the errors of a model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.records import ADE20K_CLASSES
from georeasoner.registry import register
from scoring.decode import Refusal
from scoring.locatability import area_locatability
from scoring.scored import Prepared, Scored, Setup, ViewScorer

if TYPE_CHECKING:
    from georeasoner.clueworld import World


@register("scorer", "oracle")
class OracleScorer(ViewScorer):
    """The shares of a scene's own mask."""

    model_id = "clueworld-masks@1"

    def __init__(self, setup: Setup) -> None:
        self._weights = setup.weights

    @cached_property
    def _world(self) -> World:
        from georeasoner.clueworld import World

        return World.load()

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        extra = json.loads(row["extra"] or "{}")
        if not {"index", "seed", "role", "clues"} <= set(extra):
            return Refusal("no_true_mask", "the view was not drawn by clueworld")
        scene = self._world.scene(extra["index"], seed=extra["seed"], role=extra["role"])
        if scene.view_id != row["view_id"]:
            return Refusal("no_true_mask", f"this world draws {scene.view_id} at its place")
        mask = scene.render().mask
        return Prepared(np.bincount(mask.ravel(), minlength=ADE20K_CLASSES) / mask.size)

    def score(self, inputs: Sequence[NDArray[np.float64]]) -> Scored:
        shares = np.stack(inputs)
        return Scored(
            area_locatability(shares, self._weights), class_shares=shares.astype(np.float32)
        )
