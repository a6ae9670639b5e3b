"""The exact information locatability of ClueWorld's views: what a locatability should find.

It is the largest posterior given the visible clues, which the views' private column `extra` lists;
no real data set has it. Over countries it is how probably the best answer names the country; within
a distance, how probably the best of the cities lies so near the view's own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from georeasoner.clueworld.world import World
from georeasoner.geodesy import haversine_km


def exact_locatability(extra: Sequence[str | None]) -> NDArray[np.float64] | None:
    """(N,) of N views by their `extra`; None where any of them was not drawn."""
    clues = _visible(extra)
    if clues is None:
        return None
    world = World.load()
    return np.array([float(world.posterior(seen)[0].max()) for seen in clues])


def exact_within(
    extra: Sequence[str | None], thresholds_km: Sequence[float]
) -> NDArray[np.float64] | None:
    """(N, T) the largest posterior of cities within T distances of one; None as above.

    It counts a city's centre for its scenes, which lie at most 12 km around it.
    """
    clues = _visible(extra)
    if clues is None:
        return None
    world = World.load()
    lat, lon = (np.array([getattr(city, c) for city in world.cities]) for c in ("lat", "lon"))
    apart = haversine_km(lat[:, None], lon[:, None], lat, lon)
    posterior = np.array([world.posterior(seen)[1] for seen in clues])  # (N, S)
    return np.stack([(posterior @ (apart < t)).max(axis=1) for t in thresholds_km], axis=1)


def _visible(extra: Sequence[str | None]) -> list[dict[str, str]] | None:
    known = [json.loads(text or "{}") for text in extra]
    if not known or not all("clues" in row and row.get("role") for row in known):
        return None
    return [row["clues"] for row in known]
