"""A model's embeddings as a matrix: rows of the table `embeddings` in, (N, D) unit vectors out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from georeasoner.lake import Lake


@dataclass(frozen=True)
class Vectors:
    """N views and their embeddings, in the order of their ids."""

    view_id: NDArray[np.object_]  # (N,)
    unit: NDArray[np.float16]  # (N, D), of unit length as far as half precision allows

    def __len__(self) -> int:
        return len(self.view_id)


def read_vectors(lake: Lake, model_id: str) -> Vectors:
    """The embeddings of a model, in 2 * N * D bytes of memory.

    A vector is stored in half precision, so the cosine of two is exact to about 1e-3.
    """
    ids: list[str] = []
    parts = []
    for batch in lake.batches("embeddings", ["view_id", "model", "vector"], 4096):
        mine = batch.filter(pc.equal(batch["model"], model_id))
        if mine.num_rows:
            ids += mine["view_id"].to_pylist()
            flat = mine["vector"].flatten().to_numpy(zero_copy_only=False)
            parts.append(flat.reshape(mine.num_rows, -1))
    order = np.argsort(np.array(ids, dtype=object), kind="stable")
    unit = np.concatenate(parts)[order] if parts else np.zeros((0, 0), np.float16)
    return Vectors(np.array(ids, dtype=object)[order], unit)
