"""The pictures of a lake in the order of their worth: tables in, arrays of N pictures out.

A picture is a file: views with the same SHA-256 share one. The better picture is the one whose
best view is more locatable, and of equals the one with the lesser id. Vectors stay on disk, in a
file of half-precision rows in that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from georeasoner.errors import IntegrityError
from georeasoner.lake import Lake
from georeasoner.progress import track
from scoring.duplicates.groups import Pictures
from scoring.duplicates.work import Work
from scoring.search.index import Matrix

_ROWS = 4096  # vectors read at a time

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Views:
    """V views, the best first, and the picture that each shows."""

    view_id: pa.Array  # (V,) strings
    lat: Floats  # (V,) degrees, NaN where unknown
    lon: Floats
    picture: Ints  # (V,) numbers of pictures, in the order of their first views
    first: Ints  # (N,) of every picture its best view


def read_views(lake: Lake, score_id: str) -> tuple[Views, NDArray[np.uint64], NDArray[np.bool_]]:
    """The views of a lake by the locatability of that score, and the hashes of the pictures.

    Hashes are (N,) of 64 bits, and whether there is one; those of `score_id` go before those of
    other scores. Raises `IntegrityError` for an id that `views` has twice.
    """
    table = _joined(lake, score_id)
    view_id = table["view_id"].combine_chunks()
    if twice := len(view_id) - pc.count_distinct(view_id).as_py():
        raise IntegrityError(f"views has {twice} ids twice")
    sha = table["sha256"].combine_chunks()
    file = pc.if_else(pc.is_null(sha), pc.binary_join_element_wise("view", view_id, " "), sha)
    # dictionary codes count files by the order of their first views
    picture = file.dictionary_encode().indices.to_numpy().astype(np.int64)
    first = np.unique(picture, return_index=True)[1]
    lat, lon = (_floats(table[name]) for name in ("lat", "lon"))
    stated = table["phash"].combine_chunks()
    has_hash = np.flatnonzero(stated.is_valid().to_numpy(zero_copy_only=False))
    bits = pc.fill_null(stated, 0).to_numpy().view(np.uint64)
    phash, hashed = np.zeros(len(first), np.uint64), np.zeros(len(first), np.bool_)
    phash[picture[has_hash[::-1]]] = bits[has_hash[::-1]]  # the best view that has one
    hashed[picture[has_hash]] = True
    return Views(view_id, lat, lon, picture, first), phash, hashed


def _joined(lake: Lake, score_id: str) -> pa.Table:
    """view_id, lat, lon, sha256 and phash of every view, the best first."""
    query = """
        SELECT v.view_id, v.lat, v.lon, v.sha256, s.locatability, s.phash
        FROM views v LEFT JOIN (
            SELECT view_id,
                max(locatability) FILTER (score_id = $id) AS locatability,
                coalesce(max(phash) FILTER (score_id = $id), max(phash)) AS phash
            FROM scores GROUP BY view_id
        ) s USING (view_id)
    """
    rows = lake.connect().sql(query, params={"id": score_id}).to_arrow_table()
    rows = rows.sort_by("view_id")
    worth = _floats(rows["locatability"])
    order = np.argsort(-np.nan_to_num(worth, nan=-np.inf), kind="stable")
    return rows.drop_columns("locatability").take(order)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def read_pictures(
    lake: Lake,
    model_id: str | None,
    views: Views,
    phash: NDArray[np.uint64],
    hashed: NDArray[np.bool_],
    work: Work,
) -> Pictures:
    """Positions, hashes and vectors of the pictures; a model of None: without vectors."""
    lat, lon = views.lat[views.first], views.lon[views.first]
    count = len(views.first)
    unit: Matrix = np.zeros((count, 1), np.float16)
    norm = np.full(count, np.nan, dtype=np.float32)
    if model_id is not None:
        done = work.load("norms") or _write_vectors(lake, model_id, views, work)
        norm, width = done["norm"], int(done["width"])
        unit = np.memmap(work.mapped("vectors.f16"), np.float16, "r", shape=(count, width))
    return Pictures(unit, norm, phash, hashed, lat, lon)


def _write_vectors(lake: Lake, model_id: str, views: Views, work: Work) -> dict[str, NDArray]:
    """The file of vectors, rows of zeros where a picture has none; their norms and width."""
    count = len(views.first)
    number = _numbers(lake, model_id, views)
    norm = np.full(count, np.nan, dtype=np.float32)
    rows: Matrix | None = None
    start = 0
    for batch in _batches(lake, model_id, ["view_id", "model", "vector"], "dedup (vectors read)"):
        ids, vectors = batch["view_id"], batch["vector"]
        flat = vectors.flatten().to_numpy(zero_copy_only=False)
        if rows is None:
            width = len(vectors[0])
            shape = (count, width)
            rows = np.memmap(work.unfinished("vectors.f16"), np.float16, "w+", shape=shape)
        if len(flat) != len(ids) * rows.shape[1]:
            raise IntegrityError(f"vectors of {model_id} differ in length from {rows.shape[1]}")
        block = flat.reshape(len(ids), -1)
        at = number[start : start + len(ids)]
        start += len(ids)
        length = np.linalg.norm(block.astype(np.float32), axis=1)
        if not (np.isfinite(length) & (length > 0)).all():
            bad = int(np.flatnonzero(~(np.isfinite(length) & (length > 0)))[0])
            raise IntegrityError(f"the vector of view {ids[bad]} by {model_id} has no direction")
        rows[at[at >= 0]] = block[at >= 0]
        norm[at[at >= 0]] = length[at >= 0]
    if rows is None:
        raise IntegrityError(f"embeddings has no row of {model_id}")
    rows.flush()
    work.finish("vectors.f16")
    done = {"norm": norm, "width": np.array(rows.shape[1])}
    work.save("norms", **done)
    return done


def _numbers(lake: Lake, model_id: str, views: Views) -> Ints:
    """Of every row of `embeddings` by that model its picture, -1 where `views` has no such id."""
    ids = [b["view_id"] for b in _batches(lake, model_id, ["view_id", "model"], "dedup (ids)")]
    schema = pa.schema([("view_id", pa.string())])
    if not ids:
        return np.empty(0, np.int64)
    asked = pa.chunked_array(ids, schema.field("view_id").type)
    view = pc.fill_null(pc.index_in(asked, value_set=views.view_id), -1).to_numpy()
    return np.where(view >= 0, views.picture[view], -1)


def _batches(lake: Lake, model_id: str, columns: list[str], label: str) -> Iterator[pa.RecordBatch]:
    for batch in track(lake.batches("embeddings", columns, _ROWS), label):
        mine = batch.filter(pc.equal(batch["model"], model_id))
        if mine.num_rows:
            yield mine
