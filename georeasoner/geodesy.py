"""Positions on the globe and the distances between them.

WGS84 degrees, latitude first, go in; kilometres come out. Distances are great circles on a sphere
of R = 6371 km, the convention of OSV-5M and PLONK, so that figures compare with theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from georeasoner.errors import InputError

EARTH_RADIUS_KM = 6371.0
GEOGUESSR_SCALE_KM = 1492.7


@dataclass(frozen=True)
class LatLon:
    """A WGS84 position in degrees. Raises `InputError` outside +-90, +-180 or on NaN."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        problem = position_problem(self.lat, self.lon)
        if problem:
            raise InputError(
                f"position ({self.lat}, {self.lon}): {problem}",
                "latitude in [-90, 90] and longitude in [-180, 180] degrees",
            )


def position_problem(lat: float | None, lon: float | None) -> str | None:
    """Why a pair is no usable position (a short reason), or None when it is one."""
    if lat is None or lon is None:
        return "missing_coordinates"
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return "missing_coordinates"
    if not -90.0 <= lat <= 90.0 or not -180.0 <= lon <= 180.0:
        return "coordinates_out_of_range"
    return None


def haversine_km(
    lat1: ArrayLike,
    lon1: ArrayLike,
    lat2: ArrayLike,
    lon2: ArrayLike,
    radius_km: float = EARTH_RADIUS_KM,
) -> NDArray[np.float64]:
    """Great-circle distance in km; degrees in, shapes broadcast. NaN in gives NaN out."""
    phi1, lam1, phi2, lam2 = (
        np.radians(np.asarray(a, dtype=np.float64)) for a in (lat1, lon1, lat2, lon2)
    )
    h = (
        np.sin((phi2 - phi1) / 2) ** 2
        + np.cos(phi1) * np.cos(phi2) * np.sin((lam2 - lam1) / 2) ** 2
    )
    return np.asarray(2 * radius_km * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0))), dtype=np.float64)


def geoguessr_score(distance_km: ArrayLike) -> NDArray[np.float64]:
    """5000 * exp(-d / 1492.7), as OSV-5M has it; not rounded, 0 where d is NaN (no answer)."""
    distance = np.asarray(distance_km, dtype=np.float64)
    score = 5000.0 * np.exp(-distance / GEOGUESSR_SCALE_KM)
    return np.where(np.isnan(distance), 0.0, score)


def destination(lat: float, lon: float, bearing_deg: float, distance_km: float) -> LatLon:
    """Where one arrives after `distance_km` along the great circle that starts at `bearing_deg`."""
    phi, lam, theta = math.radians(lat), math.radians(lon), math.radians(bearing_deg)
    delta = distance_km / EARTH_RADIUS_KM
    sin_phi = math.sin(phi) * math.cos(delta) + math.cos(phi) * math.sin(delta) * math.cos(theta)
    phi2 = math.asin(max(-1.0, min(1.0, sin_phi)))
    lam2 = lam + math.atan2(
        math.sin(theta) * math.sin(delta) * math.cos(phi),
        math.cos(delta) - math.sin(phi) * math.sin(phi2),
    )
    return LatLon(math.degrees(phi2), (math.degrees(lam2) + 540.0) % 360.0 - 180.0)
