"""The stage "score": views without a score in, rows of `embeddings` and `scores` out.

Pictures are read, decoded at reduced scale and prepared in threads while the model works on the
batch before; at most three batches are in memory. Batches are cut by the order of the `images`
table and committed whole, so that a run that was killed and run again computes the same batches,
and with them the same rows, as one that was not.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from georeasoner.errors import ConfigError, EmptyResultError, InputError, ModelError
from georeasoner.lake import KeySet, Lake, Sums, Writer, read_image
from georeasoner.progress import log, track
from georeasoner.provenance import fingerprint
from georeasoner.records import table
from georeasoner.registry import get
from scoring.decode import Refusal, safe_open
from scoring.locatability import load_weights, weights_hash
from scoring.scored import ClueText, Scored, Scorer

STAGE = "score"
_AHEAD = 2  # batches in preparation while one is scored


@dataclass(frozen=True)
class ScoreResult:
    """What a run of the stage gives: the id under which `scores` has its rows, and the sums."""

    score_id: str
    model_id: str
    sums: Sums


@dataclass(frozen=True)
class _Ready:
    """One view of a batch: what the model takes, or why there is nothing."""

    view_id: str
    prepared: Any


def score(
    lake: Lake,
    scorer: str = "clip",
    model: str | None = None,
    weights: str = "published",
    batch_size: int = 64,
    device: str | None = None,
) -> ScoreResult:
    """Score every view that this score has not seen yet.

    `scorer` is a registered name, `model` an id that it knows (None: the shipped one), `weights`
    "published" or a file. A picture that is gone or cannot be decoded is rejected with its reason
    and tried again by the next run. Raises `ModelError` for a model that cannot be used or gives
    NaN (naming the view), `EmptyResultError` for a lake without views.
    """
    if batch_size < 1:
        raise ConfigError(f"a batch of {batch_size}", "at least 1")
    if not next(lake.batches("views", ["view_id"], 1), None):
        raise EmptyResultError("the lake has no views to score", "", "run `ingest` first")
    vector = load_weights(weights)
    clues = _clues(lake)
    made: Scorer = get("scorer", scorer)(model=model, weights=vector, clues=clues, device=device)
    score_id = f"{scorer}:{made.model_id}:{weights_hash(vector)}"
    config = {
        "score_id": score_id, "scorer": scorer, "model": made.model_id, "weights": weights,
        "weights_hash": weights_hash(vector), "batch_size": batch_size,
        "clues": fingerprint([[c.clue_id, c.text, c.category] for c in clues]),
    }  # fmt: skip
    pictures, real = lake.keys("images"), 0
    with lake.writing(STAGE, config, inputs=lake.state("views", "images", "removals")) as out:
        scored = KeySet(_done(lake, score_id))
        if len(scored):
            _warn_of_older_clues(lake, config)
        for batch in lake.batches("views", ["view_id", "synthetic"]):
            for view_id, synthetic in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                real += not synthetic
                if view_id not in pictures:
                    out.reject(view_id, "image_missing", "the lake has no row of images for it")
        _Run(lake, made, score_id, scored, out).all(batch_size)
    if made.synthetic_only and real:
        log(
            f"note: {real:,} of {out.sums.inputs:,} views are real photographs, and"
            f" {made.model_id} has seen only drawn scenes: what it says of them means nothing."
            " Name a real model with --model."
        )
    return ScoreResult(score_id, made.model_id, out.sums)


class _Run:
    """One pass over the pictures of a lake."""

    def __init__(
        self, lake: Lake, scorer: Scorer, score_id: str, scored: KeySet, out: Writer
    ) -> None:
        self.lake, self.scorer, self.score_id, self.out = lake, scorer, score_id, out
        self.scored = scored
        self.embedded = lake.keys("embeddings") if scorer.embeds else KeySet()
        self.limit: int | None = None  # views per forward pass, once memory has run out

    def all(self, batch_size: int) -> None:
        """Score what is missing, batch by batch."""
        total = self.lake.count("images")
        if self._nothing_missing():
            self.out.exclude("scored_before", total)
            return
        pool = ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1))
        try:
            batches = self._prepared(pool, batch_size)
            for batch in track(batches, "score (batches)", -(-total // batch_size)):
                self._one(batch)
        finally:
            pool.shutdown(cancel_futures=True)

    def _nothing_missing(self) -> bool:
        """Told from the ids alone, without reading a picture."""
        ids = (
            i for b in self.lake.batches("images", ["view_id"]) for i in b["view_id"].to_pylist()
        )
        return all(view_id in self.scored for view_id in ids)

    def _prepared(self, pool: ThreadPoolExecutor, size: int) -> Iterator[list[_Ready]]:
        """Batches whose pictures are decoded, a few ahead of the one in use."""
        waiting: deque[list[Future[_Ready]]] = deque()
        for rows in _chunks(self._rows(size), size):
            missing = [row for row in rows if row["view_id"] not in self.scored]
            if len(missing) < len(rows):
                self.out.exclude("scored_before", len(rows) - len(missing))
            waiting.append([pool.submit(self._prepare, row) for row in missing])
            if len(waiting) > _AHEAD:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]

    def _rows(self, size: int) -> Iterator[dict[str, Any]]:
        for batch in self.lake.batches("images", batch_rows=size):
            yield from batch.to_pylist()

    def _prepare(self, row: dict[str, Any]) -> _Ready:
        try:
            data = read_image(row, self.lake.root)
        except InputError as error:
            return _Ready(row["view_id"], Refusal("image_missing", str(error)))
        image = safe_open(data, min_side=self.scorer.min_side)
        if isinstance(image, Refusal):
            return _Ready(row["view_id"], image)
        return _Ready(row["view_id"], self.scorer.prepare(image))

    def _one(self, batch: Sequence[_Ready]) -> None:
        usable = [view for view in batch if not isinstance(view.prepared, Refusal)]
        if usable:
            ids = [view.view_id for view in usable]
            for part in self._within_memory([view.prepared for view in usable]):
                self._add(ids[: len(part.locatability)], part)
                ids = ids[len(part.locatability) :]
        for view in batch:
            if isinstance(view.prepared, Refusal):
                self.out.reject(view.view_id, view.prepared.reason, view.prepared.detail)
            else:
                self.out.accept(view.view_id)

    def _within_memory(self, inputs: Sequence[Any]) -> Iterator[Scored]:
        """Score a batch; what does not fit into memory is halved, from then on for good."""
        import torch

        while inputs:
            limit = min(self.limit or len(inputs), len(inputs))
            try:
                result = self.scorer.score(inputs[:limit])
            except torch.OutOfMemoryError:
                if limit == 1:
                    raise ModelError(
                        f"{self.scorer.model_id} runs out of memory on a single view",
                        "a smaller model or a larger device",
                    ) from None
                self.limit = limit // 2
                log(f"out of memory with {limit} views at once; going on with {self.limit}")
                continue
            yield result
            inputs = inputs[limit:]

    def _add(self, ids: Sequence[str], part: Scored) -> None:
        _refuse_nan(ids, part, self.scorer.model_id)
        if part.vectors is not None:
            model = self.scorer.model_id
            new = [n for n, i in enumerate(ids) if (i, model) not in self.embedded]
            columns = {
                "view_id": [ids[n] for n in new],
                "model": [model] * len(new),
                "vector": _lists(part.vectors[new].astype(np.float16)),
            }
            self.out.add("embeddings", _table("embeddings", columns))
        columns = {
            "score_id": [self.score_id] * len(ids),
            "view_id": list(ids),
            "locatability": part.locatability,
            "class_shares": None if part.class_shares is None else _lists(part.class_shares),
            "top_clues": part.top_clues,
        }
        self.out.add("scores", _table("scores", columns))


def _clues(lake: Lake) -> list[ClueText]:
    rows = lake.read("clues", ["clue_id", "text", "category"]).to_pylist()
    return sorted((ClueText(**row) for row in rows), key=lambda clue: clue.clue_id)


def _done(lake: Lake, score_id: str) -> Iterator[str]:
    for batch in lake.batches("scores", ["score_id", "view_id"], 65536):
        ids, views = (column.to_pylist() for column in batch.columns)
        yield from (view for i, view in zip(ids, views, strict=True) if i == score_id)


def _warn_of_older_clues(lake: Lake, config: dict[str, Any]) -> None:
    before = lake.last_run(STAGE)
    old = before["config"] if before else config
    if old["score_id"] == config["score_id"] and old["clues"] != config["clues"]:
        log(
            "stale: the clues have changed since the last scores; the top_clues of views scored"
            f" before are of the old ones. Delete {Path(lake.root, 'scores')} to compute them anew."
        )


def _refuse_nan(ids: Sequence[str], part: Scored, model_id: str) -> None:
    for values in (part.locatability[:, None], part.vectors, part.class_shares):
        if values is not None and not (fine := np.isfinite(values).all(axis=1)).all():
            raise ModelError(
                f"{model_id} gives NaN or infinity for view {ids[int(np.argmin(fine))]}",
                "finite numbers",
                "the weights are damaged or overflow",
            )


def _chunks(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _lists(values: np.ndarray) -> pa.Array:
    """(N, D) to an Arrow list column without a Python object per number."""
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    """Columns to a table of that name's schema; absent and None columns are null."""
    schema, rows = table(name).schema, len(columns["view_id"])
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        if isinstance(values, pa.Array):
            arrays.append(values.cast(field.type))
        else:
            arrays.append(pa.array([None] * rows if values is None else values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
