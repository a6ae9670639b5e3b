"""A stage's work cut into units that any process can do alone: whole batches in, shards out.

A unit says where its rows start among those of the scorer and which of them have no score yet; who
works on it opens the lake, reads the rows in place, scores the batches that the local engine would
cut, and writes the rows that come out as shards into the lake. They are no data until the writer
of the lake commits their names, so a unit may be begun as often as need be: what was written in
vain is swept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import georeasoner
import scoring
from georeasoner.errors import ClusterError, LakeError, ModelError
from georeasoner.lake import KeySet, Lake, write_shard
from georeasoner.lake.files import TEMPORARY
from scoring.decode import Refusal
from scoring.pipeline import Outcome, Pipeline
from scoring.scored import Scorer, Setup

_UNIT_ROWS = 2048  # at most: what is lost with a worker, and the size of a shard
_ATTEMPTS = 4  # at one unit; a picture that kills whoever opens it must not go on for ever


@dataclass(frozen=True)
class Job:
    """What every worker of a run has to know."""

    stage: str
    root: Path  # of the lake; absolute, and the same on every machine
    make: Callable[[Setup], Scorer]
    setup: Setup
    score_id: str
    model_id: str
    batch_size: int
    code: str  # `code_sha256`, so that two versions never score for one lake


@dataclass(frozen=True)
class Unit:
    """Some batches of the scorer's rows."""

    start: int  # the place of its first row among `Scorer.rows`
    wanted: NDArray[np.bool_]  # for each of its rows, whether it has no score yet
    embedded: frozenset[str]  # views among them whose vectors the lake has
    first: str  # the id of its first row, and of its last
    last: str
    ids_sha256: str  # of the ids of all its rows: a worker must read the same ones


@dataclass(frozen=True)
class Done:
    """What became of a unit; the shards are written and not yet committed."""

    start: int
    shards: dict[str, list[str]]
    accepted: list[str]
    refused: list[tuple[str, Refusal]]


@cache
def code_sha256() -> str:
    """16 hex digits of the SHA-256 of what scores: the source of the core and of `scoring`."""
    found = hashlib.sha256()
    for package in (georeasoner, scoring):
        root = Path(package.__path__[0])
        for file in sorted(root.rglob("*.py")):
            found.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def cut(
    ids: Iterable[str],
    scored: KeySet,
    embedded: KeySet,
    model_id: str,
    batch_size: int,
    unit_rows: int,
) -> Iterator[Unit]:
    """The scorer's ids in order to units of `unit_rows` rows, a multiple of the batch size."""
    rows, start = iter(ids), 0
    while part := list(islice(rows, unit_rows // batch_size * batch_size)):
        wanted = np.array([view_id not in scored for view_id in part])
        known = frozenset(
            i
            for i, new in zip(part, wanted, strict=True)
            if new and len(embedded) and (i, model_id) in embedded
        )
        yield Unit(start, wanted, known, part[0], part[-1], _digest(part))
        start += len(part)


def unit_rows(rows: int, batch_size: int, workers: int) -> int:
    """How many rows a unit has: a few units for every worker, at most `_UNIT_ROWS` rows each."""
    batches = -(-rows // batch_size)
    wanted = -(-batches // (4 * workers))
    return max(1, min(wanted, _UNIT_ROWS // batch_size)) * batch_size


class Worker:
    """Scores units in its own process; the model is loaded with the first one."""

    def __init__(self, job: Job, where: str) -> None:
        self._job, self._where = job, where
        self._scorer: Scorer | None = None
        self._pipeline: Pipeline | None = None

    def run(self, unit: Unit) -> Done:
        """Score a unit and write its shards.

        Raises `LakeError` where this machine does not see the lake as the writer does,
        `ModelError` for a model that it lacks or that gives NaN, `ClusterError` for other code and
        for a unit that has been begun too often.
        """
        lake = self._open()
        self._count_attempts(unit)
        scorer, pipeline = self._prepared()
        found: dict[str, list[pa.Table]] = {}
        accepted: list[str] = []
        refused: list[tuple[str, Refusal]] = []
        rows = _Rows(scorer.rows_from(lake, self._job.batch_size, unit.start), unit)
        for outcome in pipeline.run(rows.batches(self._job.batch_size)):
            for name, part in self._tables(outcome, unit).items():
                found.setdefault(name, []).append(part)
            accepted += outcome.ids
            refused += outcome.refused
        if _digest(rows.seen) != unit.ids_sha256:
            raise LakeError(
                f"{self._where} reads other rows of {self._job.root} than the machine that leads",
                "the same lake at this path on every machine",
            )
        shards = {name: pa.concat_tables(parts) for name, parts in found.items()}
        written = {
            name: [write_shard(self._job.root, self._job.stage, name, rows)]
            for name, rows in shards.items()
            if rows.num_rows
        }
        return Done(unit.start, written, accepted, refused)

    def _open(self) -> Lake:
        if self._job.code != code_sha256():
            raise ClusterError(
                f"{self._where} has other code ({code_sha256()}) than the machine that leads",
                self._job.code,
                "install the same georeasoner on every machine of the cluster",
            )
        try:
            return Lake.open(self._job.root)
        except LakeError as error:
            raise LakeError(
                f"{self._where} does not see the lake {self._job.root}",
                "a folder that every machine of the cluster has at this path",
                "put it on a shared file system",
            ) from error

    def _count_attempts(self, unit: Unit) -> None:
        """A byte for each in a file beside the shards, which is swept like them."""
        path = self._job.root / "scores" / f"{TEMPORARY}begun-{unit.start}"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(b".")
        if path.stat().st_size > _ATTEMPTS:
            raise ClusterError(
                f"{_ATTEMPTS} workers died one after the other over views {unit.first} to"
                f" {unit.last}",
                "workers that live",
                "memory is the usual reason: a smaller --batch-size; what was scored is kept",
            )

    def _prepared(self) -> tuple[Scorer, Pipeline]:
        if self._scorer is None or self._pipeline is None:
            scorer = self._job.make(self._job.setup)
            if scorer.model_id != self._job.model_id:
                raise ModelError(
                    f"{self._where} finds {scorer.model_id} as the model",
                    self._job.model_id,
                    "put the same model on every machine of the cluster",
                )
            self._scorer, self._pipeline = scorer, Pipeline([scorer], self._job.root)
        return self._scorer, self._pipeline

    def _tables(self, outcome: Outcome, unit: Unit) -> dict[str, pa.Table]:
        tables = outcome.tables(self._job.score_id, self._job.model_id)
        if unit.embedded and "embeddings" in tables:
            new = pa.array([view_id not in unit.embedded for view_id in outcome.ids], pa.bool_())
            tables["embeddings"] = tables["embeddings"].filter(new)
        return tables


class _Rows:
    """The rows of a unit as batches, those that have a score left out; keeps the ids seen."""

    def __init__(self, rows: Iterator[dict[str, Any]], unit: Unit) -> None:
        self._rows = zip(rows, unit.wanted, strict=False)
        self.seen: list[str] = []

    def batches(self, size: int) -> Iterator[list[dict[str, Any]]]:
        """Batches as the local engine cuts them; empty ones are left out."""
        while chunk := list(islice(self._rows, size)):
            self.seen += [row["view_id"] for row, _ in chunk]
            if batch := [row for row, new in chunk if new]:
                yield batch


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
