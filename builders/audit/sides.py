"""A lake and a benchmark as two sides of one comparison: columns, vectors and hashes by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from georeasoner.geodesy import haversine_km
from georeasoner.lake import Lake
from scoring.search.neighbours import Matrix
from scoring.search.vectors import read_vectors

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Traits:
    """What pictures look like to a model and to a perceptual hash: of K and P views."""

    embedded: pa.Array  # (K,) view ids
    unit: Matrix  # (K, D) of unit length
    hashed: pa.Array  # (P,) view ids
    phash: Words  # (P,)

    @staticmethod
    def none() -> Traits:
        """Of no picture."""
        ids = pa.array([], pa.string())
        return Traits(ids, np.zeros((0, 0), np.float16), ids, np.zeros(0, np.uint64))


@dataclass(frozen=True)
class Side:
    """N views by the order of their ids; `picture` and `hashed` say which rows the traits are of.

    Positions that are missing are NaN.
    """

    views: pa.Table  # (N) with the columns of a benchmark
    lat: Floats
    lon: Floats
    picture: Ints  # (K,)
    unit: Matrix  # (K, D)
    hashed: Ints  # (P,)
    phash: Words  # (P,)

    @staticmethod
    def of(views: pa.Table, traits: Traits) -> Side:
        """Bring columns and traits together; traits of other views are left out."""
        views = views.sort_by("view_id")
        lat, lon = (pc.cast(views[c], pa.float64()).to_numpy().copy() for c in ("lat", "lon"))
        lat[np.isnan(lon)] = np.nan
        picture, kept = _rows(views["view_id"], traits.embedded)
        hashed, known = _rows(views["view_id"], traits.hashed)
        return Side(views, lat, lon, picture, traits.unit[kept], hashed, traits.phash[known])

    def __len__(self) -> int:
        return int(self.views.num_rows)

    def ids(self, rows: Ints) -> pa.ChunkedArray:
        """The ids of those rows."""
        return self.views["view_id"].take(pa.array(rows))

    def distance_km(self, rows: Ints, other: Side, others: Ints) -> Floats:
        """To views of the other side, pair by pair; NaN where a position is missing."""
        return haversine_km(self.lat[rows], self.lon[rows], other.lat[others], other.lon[others])

    def vectors(self, rows: Ints) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Which of those rows have a vector, and the vectors of these."""
        place = np.full(len(self), -1, np.int64)
        place[self.picture] = np.arange(len(self.picture))
        has = place[rows] >= 0
        return has, self.unit[place[rows[has]]].astype(np.float32)


def _rows(ids: pa.ChunkedArray, wanted: pa.Array) -> tuple[Ints, NDArray[np.bool_]]:
    """Where in `ids` the wanted ones are, and which of these are there at all."""
    at = pc.index_in(wanted, value_set=ids.combine_chunks())
    there = pc.is_valid(at).to_numpy(zero_copy_only=False)
    return at.drop_null().to_numpy().astype(np.int64), there


def lake_traits(lake: Lake, model_id: str) -> Traits:
    """What a lake has of a model: its embeddings, and the hashes of its scores."""
    vectors = read_vectors(lake, model_id)
    rows = lake.connect().sql(_HASHES, params={"model": model_id}).to_arrow_table()
    phash = rows["phash"].to_numpy().astype(np.int64).view(np.uint64)
    ids = pa.array(vectors.view_id, pa.string())
    return Traits(ids, vectors.unit, rows["view_id"].combine_chunks(), phash)


def hashes_state(lake: Lake, model_id: str) -> list[int]:
    """What changes when a hash that `lake_traits` reads does: their number and a sum over them."""
    query = f"SELECT count(*), sum(md5_number_lower(view_id || ' ' || phash)) FROM ({_HASHES})"
    return [int(n or 0) for n in lake.connect().execute(query, {"model": model_id}).fetchall()[0]]


_HASHES = """
SELECT view_id, min(phash) AS phash FROM scores
WHERE contains(score_id, ':' || $model || ':') AND phash IS NOT NULL GROUP BY 1
"""
