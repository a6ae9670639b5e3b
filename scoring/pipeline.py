"""Batches of rows in, their results out in the same order: reading, decoding and models overlap.

Threads read and decode, another gathers what they made into the batch that a device takes, while
each device scores the batch before, and the caller writes what came out of the one before that. At
most `_AHEAD` batches per device wait. A batch that does not fit into a device's memory is halved,
from then on for good.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from georeasoner.errors import ModelError
from georeasoner.progress import log
from georeasoner.records import table
from scoring.decode import Refusal
from scoring.devices import is_out_of_memory
from scoring.scored import Prepared, Scored, Scorer

_AHEAD = 2  # batches per device that wait or are worked on
_MAX_THREADS = 32


@dataclass(frozen=True)
class Outcome:
    """What became of one batch."""

    ids: list[str] = field(default_factory=list)  # of the views that were scored, in order
    phash: list[int | None] = field(default_factory=list)
    parts: list[Scored] = field(default_factory=list)
    refused: list[tuple[str, Refusal]] = field(default_factory=list)

    def tables(self, score_id: str, model_id: str) -> dict[str, pa.Table]:
        """The rows of `scores`, and of `embeddings` where the scorer gives vectors."""
        found: dict[str, list[pa.Table]] = {}
        start = 0
        for part in self.parts:
            ids = self.ids[start : start + len(part.locatability)]
            within = [None] * 3 if part.p_within is None else list(part.p_within.T)
            columns = {
                "score_id": [score_id] * len(ids),
                "view_id": ids,
                "locatability": part.locatability,
                "p_within_25km": within[0],
                "p_within_200km": within[1],
                "p_within_750km": within[2],
                "class_shares": None if part.class_shares is None else _lists(part.class_shares),
                "top_clues": part.top_clues,
                "phash": self.phash[start : start + len(ids)],
            }
            found.setdefault("scores", []).append(_table("scores", columns))
            if part.vectors is not None:
                vectors = _lists(part.vectors.astype(np.float16))
                columns = {"view_id": ids, "model": [model_id] * len(ids), "vector": vectors}
                found.setdefault("embeddings", []).append(_table("embeddings", columns))
            start += len(ids)
        return {name: pa.concat_tables(parts) for name, parts in found.items()}


class Pipeline:
    """Scores batches on one or several devices, with one scorer for each."""

    def __init__(self, scorers: Sequence[Scorer], root: Path) -> None:
        self._scorers, self._root = scorers, root
        self._limit: int | None = None  # views per forward pass, once memory has run out

    def run(self, batches: Iterable[list[dict[str, Any]]]) -> Iterator[Outcome]:
        """Every batch's outcome, in order. Raises `ModelError` for NaN, naming the view."""
        readers = ThreadPoolExecutor(min(_MAX_THREADS, (os.cpu_count() or 1) + 1))
        gatherers = ThreadPoolExecutor(len(self._scorers))
        devices = [ThreadPoolExecutor(1) for _ in self._scorers]
        waiting: deque[Future[Outcome]] = deque()
        try:
            for number, rows in enumerate(batches):
                at = number % len(devices)
                scorer = self._scorers[at]
                reads = [readers.submit(scorer.read, row, self._root) for row in rows]
                ids = [row["view_id"] for row in rows]
                gathered = gatherers.submit(_gather, scorer, ids, reads)
                waiting.append(devices[at].submit(self._one, scorer, gathered))
                if len(waiting) > _AHEAD * len(devices):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for pool in (readers, gatherers, *devices):
                pool.shutdown(cancel_futures=True)

    def _one(self, scorer: Scorer, gathered: Future[tuple[Outcome, Any]]) -> Outcome:
        outcome, inputs = gathered.result()
        done = 0
        for part in self._within_memory(scorer, inputs):
            _refuse_nan(outcome.ids[done:], part, scorer.model_id)
            outcome.parts.append(part)
            done += len(part.locatability)
        return outcome

    def _within_memory(self, scorer: Scorer, inputs: Sequence[Any]) -> Iterator[Scored]:
        while len(inputs):
            limit = min(self._limit or len(inputs), len(inputs))
            try:
                result = scorer.score(inputs[:limit])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if limit == 1:
                    raise _too_large(scorer, "on a single view") from error
                self._limit = limit // 2
                log(f"out of memory with {limit} views at once; going on with {self._limit}")
                continue
            yield result
            inputs = inputs[limit:]


def _gather(
    scorer: Scorer, ids: list[str], reads: list[Future[Prepared | Refusal]]
) -> tuple[Outcome, Any]:
    """What was read of one batch, and those of it that can be scored as what `score` takes."""
    outcome, values = Outcome(), []
    for view_id, future in zip(ids, reads, strict=True):
        try:
            result = future.result()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise _too_large(scorer, f"while view {view_id} is read") from error
        if isinstance(result, Refusal):
            outcome.refused.append((view_id, result))
        else:
            outcome.ids.append(view_id)
            outcome.phash.append(result.phash)
            values.append(result.value)
    return outcome, scorer.gather(values) if values else ()


def _too_large(scorer: Scorer, when: str) -> ModelError:
    return ModelError(
        f"{scorer.model_id} runs out of memory {when}", "a smaller model or a larger device"
    )


def _refuse_nan(ids: Sequence[str], part: Scored, model_id: str) -> None:
    given = (part.locatability[:, None], part.vectors, part.class_shares, part.p_within)
    for values in given:
        if values is not None and not (fine := np.isfinite(values).all(axis=1)).all():
            raise ModelError(
                f"{model_id} gives NaN or infinity for view {ids[int(np.argmin(fine))]}",
                "finite numbers",
                "the weights are damaged or overflow",
            )


def _lists(values: np.ndarray) -> pa.Array:
    """(N, D) to an Arrow list column without a Python object per number."""
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    """Columns to a table of that name's schema; absent and None columns are null."""
    schema, rows = table(name).schema, len(columns["view_id"])
    arrays = []
    for column in schema:
        values = columns.get(column.name)
        if isinstance(values, pa.Array):
            arrays.append(values.cast(column.type))
        else:
            arrays.append(pa.array([None] * rows if values is None else values, column.type))
    return pa.Table.from_arrays(arrays, schema=schema)
