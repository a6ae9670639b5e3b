"""The exact information locatability of ClueWorld's views: what a locatability should find.

It is the largest posterior over countries given the visible clues, which the views' private column
`extra` lists; no real data set has it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from georeasoner.clueworld.world import World


def exact_locatability(extra: Sequence[str | None]) -> NDArray[np.float64] | None:
    """(N,) of N views by their `extra`; None where any of them was not drawn."""
    known = [json.loads(text or "{}") for text in extra]
    if not known or not all("clues" in row and row.get("role") for row in known):
        return None
    world = World.load()
    return np.array([float(world.posterior(row["clues"])[0].max()) for row in known])
