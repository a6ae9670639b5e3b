"""Distances and scores against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from georeasoner.errors import InputError
from georeasoner.geodesy import LatLon, destination, geoguessr_score, haversine_km, position_problem


def test_haversine_by_hand():
    # a quarter of the equator and a degree of latitude on a sphere of 6371 km
    assert haversine_km(0, 0, 0, 90) == pytest.approx(6371 * math.pi / 2)
    assert haversine_km(10, 20, 11, 20) == pytest.approx(6371 * math.pi / 180)
    # across the date line: 2 degrees at the equator, not 358
    assert haversine_km(0, 179, 0, -179) == pytest.approx(6371 * math.pi / 90)


def test_score_by_hand():
    # 5000 / e at the scale distance; 0 where nothing was answered
    scores = geoguessr_score([0.0, 1492.7, np.nan])
    assert scores == pytest.approx([5000, 5000 / math.e, 0])


def test_destination_is_as_far_as_asked():
    there = destination(60.0, 179.9, 90.0, 50.0)
    assert haversine_km(60.0, 179.9, there.lat, there.lon) == pytest.approx(50.0)
    assert there.lon < 0


def test_positions_are_checked():
    assert position_problem(None, 1.0) == "missing_coordinates"
    assert position_problem(math.nan, 1.0) == "missing_coordinates"
    assert position_problem(91.0, 1.0) == "coordinates_out_of_range"
    assert position_problem(-90.0, 180.0) is None
    with pytest.raises(InputError, match="latitude in"):
        LatLon(120.0, 10.0)
