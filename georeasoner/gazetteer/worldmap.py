"""A world map as SVG paths: the gazetteer's borders in, pixels of the Equal Earth projection out.

Equal Earth (Savric, Patterson and Jenny 2018) keeps areas comparable and is a short polynomial.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georeasoner.gazetteer import Gazetteer

WIDTH_PX = 960.0
SOUTH_DEG, NORTH_DEG = -57.0, 84.0
_A = (1.340264, -0.081106, 0.000893, 0.003796)
_HALF_WIDTH = 2.7066299  # of the projection's plane, at longitude 180 on the equator
_SIMPLIFY_PX = 0.4
_SMALLEST_PX2 = 0.5


def project(lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees to (x, y) in pixels of the map; y grows downwards."""
    x, y = _plane(np.asarray(lat, dtype=float), np.asarray(lon, dtype=float))
    top = _plane(np.asarray(NORTH_DEG), np.asarray(0.0))[1]
    scale = WIDTH_PX / (2 * _HALF_WIDTH)
    return (x + _HALF_WIDTH) * scale, (top - y) * scale


def height_px() -> float:
    """The map's height, from 84 degrees north to 57 south."""
    return float(project(SOUTH_DEG, 0.0)[1])


def _plane(
    lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a1, a2, a3, a4 = _A
    t = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(lat)))
    slope = 9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1
    x = 2 * np.sqrt(3) * np.radians(lon) * np.cos(t) / (3 * slope)
    return x, a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t


def land_path() -> str:
    """One SVG path of the gazetteer's borders, simplified to what a screen shows."""
    return "".join(country_paths().values())


@cache
def country_paths() -> dict[str, str]:
    """An SVG path for each country that is large enough to be seen, by code."""
    import shapely

    paths = {}
    for code, outline in Gazetteer.load().borders().items():
        parts = []
        for polygon in shapely.get_parts(outline):
            if polygon.geom_type != "Polygon":
                continue
            lon, lat = np.asarray(polygon.exterior.coords).T
            shape = shapely.Polygon(np.column_stack(project(lat, lon)))
            if lat.max() < SOUTH_DEG or shape.area < _SMALLEST_PX2:
                continue
            points = shape.simplify(_SIMPLIFY_PX).exterior.coords[:-1]
            parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z")
        if parts:
            paths[code] = "".join(parts)
    return paths
