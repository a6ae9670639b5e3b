"""Offline answers to "where is this position?" and "which country is that word?".

Borders first (Natural Earth, 1:50 million), the nearest town within a few kilometres of a coast or
where no polygon holds the point (GeoNames). `VERSION` is stored with whatever is derived from it.
"""

from georeasoner.gazetteer.places import City, Gazetteer, Place

__all__ = ["City", "Gazetteer", "Place"]
