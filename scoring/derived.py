"""What other scorers left in the lake, as rows for one that builds on it.

Embeddings of one model, class shares of one score and the views' positions are joined by DuckDB in
the order of their ids, in bounded memory: what does not fit is sorted on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from georeasoner.errors import InputError
from georeasoner.lake import KeySet, Lake
from scoring.choose import choose_model

_MEMORY = "1GB"
_CHUNK_ROWS = 1024


def shares_key(score_id: str) -> str:
    """A score's id without the hash of its weights, on which class shares do not depend."""
    return score_id.rpartition(":")[0]


def score_with_shares(lake: Lake, key: str) -> str:
    """The first score_id with class shares by that scorer and model, whatever its weights.

    Raises `InputError` where the lake has none.
    """
    query = (
        "SELECT min(score_id) FROM scores WHERE class_shares IS NOT NULL"
        " AND (score_id = ? OR starts_with(score_id, ? || ':'))"
    )
    found = lake.connect().execute(query, [key, key]).fetchall()[0][0]
    if found is None:
        raise InputError(
            f"{lake.root} has no class shares by {key}", "", "run `score` with that scorer first"
        )
    return str(found)


def joined_views(lake: Lake, model_id: str, score_id: str) -> Iterator[dict[str, Any]]:
    """One row for every view with an embedding of `model_id` and class shares of `score_id`.

    view_id, vector (D,) and class_shares (150,) float32, lat and lon (NaN: unknown), top_clues,
    phash; by view_id. Raises `InputError` for vectors or shares of several lengths.
    """
    connection = lake.connect()
    with TemporaryDirectory(prefix="georeasoner-") as folder:
        connection.execute(f"SET temp_directory = '{folder}'; SET memory_limit = '{_MEMORY}'")
        found = connection.sql(_QUERY, params=[model_id, score_id])
        for batch in found.to_arrow_reader(_CHUNK_ROWS):
            vectors, shares = (_matrix(batch, name) for name in ("vector", "class_shares"))
            rest = batch.select(["view_id", "lat", "lon", "top_clues", "phash"]).to_pylist()
            for row, vector, share in zip(rest, vectors, shares, strict=True):
                lat, lon = (np.nan if row[c] is None else row[c] for c in ("lat", "lon"))
                yield {**row, "lat": lat, "lon": lon, "vector": vector, "class_shares": share}
    connection.close()


_QUERY = """
SELECT view_id, e.vector, s.class_shares, v.lat, v.lon, s.top_clues, s.phash
FROM embeddings e JOIN scores s USING (view_id) JOIN views v USING (view_id)
WHERE e.model = ? AND s.score_id = ? AND s.class_shares IS NOT NULL
ORDER BY view_id
"""


def _matrix(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A column of lists of one length as (N, D) float32."""
    lengths = batch[name].value_lengths().to_numpy()
    if len(set(lengths.tolist())) > 1:
        raise InputError(f"{name} of {int(lengths.min())} and {int(lengths.max())} numbers")
    flat = batch[name].flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(batch.num_rows, -1).astype(np.float32)


def embedded_views(lake: Lake, model_id: str, score_id: str) -> KeySet:
    """The views that `joined_views` gives. Raises as `choose_model` does."""
    choose_model(lake, model_id)
    query = f"SELECT view_id FROM ({_QUERY.replace('ORDER BY view_id', '')})"
    found = lake.connect().sql(query, params=[model_id, score_id])
    batches = found.to_arrow_reader(65536)
    return KeySet(view_id for batch in batches for view_id in batch["view_id"].to_pylist())


def embeddings_of(lake: Lake, model_id: str) -> Iterator[dict[str, Any]]:
    """view_id and vector (D,) of every embedding of a model, in the order of the table."""
    for batch in lake.batches("embeddings", ["view_id", "model", "vector"], _CHUNK_ROWS):
        mine = batch.filter(pc.equal(batch["model"], model_id))
        if mine.num_rows:
            vectors = _matrix(mine, "vector")
            for view_id, vector in zip(mine["view_id"].to_pylist(), vectors, strict=True):
                yield {"view_id": view_id, "vector": vector}
