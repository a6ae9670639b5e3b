"""The stage "score": views without a score in, rows of `embeddings` and `scores` out.

The engine is what turns batches into results: `scoring.pipeline` in this process, or
`scoring.ray_engine` on a cluster. What is missing, the sums and the commits are the stage's.
Batches are cut by the order of the rows that the scorer reads and committed whole, so that a run
that was killed and run again computes the same batches, and with them the same rows, as one that
was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from georeasoner.errors import ConfigError, EmptyResultError, ModelError
from georeasoner.lake import KeySet, Lake, Sums, Writer
from georeasoner.progress import log, track
from georeasoner.provenance import fingerprint
from georeasoner.registry import get
from scoring.devices import devices_of
from scoring.pipeline import Outcome, Pipeline
from scoring.ray_engine import Pool, joined
from scoring.scored import ClueText, Precision, Scorer, Setup
from scoring.units import Job, code_sha256, cut, unit_rows
from scoring.weights import load_weights, weights_hash

STAGE = "score"
Engine = Literal["local", "ray"]


@dataclass(frozen=True)
class ScoreResult:
    """What a run of the stage gives: the id under which `scores` has its rows, and the sums."""

    score_id: str
    model_id: str
    sums: Sums


def score(
    lake: Lake,
    scorer: str = "clip",
    model: str | None = None,
    weights: str = "published",
    batch_size: int = 64,
    device: str | None = None,
    precision: Precision = "auto",
    compile: bool = False,
    engine: Engine = "local",
    ray_address: str | None = None,
) -> ScoreResult:
    """Score every view that this score has not seen yet.

    `scorer` is a registered name, `model` an id that it knows (None: the shipped one), `weights`
    as in `scoring.weights`, `device` as in `scoring.devices`. `engine` "ray" gives the same rows,
    in another order, by the Ray cluster at `ray_address` or by Ray on this machine. A picture that
    is gone or cannot be decoded is rejected with its reason and tried again by the next run.

    Raises `ModelError` for a model that cannot be used or gives NaN (naming the view),
    `EmptyResultError` for a lake without views, `ClusterError` for a cluster that cannot be used.
    """
    if batch_size < 1:
        raise ConfigError(f"a batch of {batch_size}", "at least 1")
    if engine == "local" and ray_address:
        raise ConfigError(f"--ray-address {ray_address} with the local engine", "--engine ray")
    if not next(lake.batches("views", ["view_id"], 1), None):
        raise EmptyResultError("the lake has no views to score", "", "run `ingest` first")
    clues = _clues(lake)
    vector = load_weights(weights, [clue.text for clue in clues])
    setup = Setup(model, vector, clues, None, precision, compile)
    make = get("scorer", scorer)
    devices = devices_of(device) if engine == "local" else ["cpu"]  # on a cluster: each worker's
    scorers: list[Scorer] = [make(replace(setup, device=d)) for d in devices]
    made = scorers[0]
    score_id = f"{scorer}:{made.model_id}" + f":{weights_hash(vector)}" * made.weighted
    config = {
        "score_id": score_id, "scorer": scorer, "model": made.model_id, "weights": weights,
        "weights_hash": weights_hash(vector), "batch_size": batch_size, "precision": precision,
        "clues": fingerprint([[c.clue_id, c.text, c.category] for c in clues]),
    }  # fmt: skip
    with lake.writing(STAGE, config, inputs=lake.state("views", "images", "removals")) as out:
        real = _reject_missing(lake, made, out)
        scored = KeySet(_done(lake, score_id))
        if len(scored):
            _warn_of_older_clues(lake, config)
        if len(scored) and _all_scored(lake, made, scored):
            out.exclude("scored_before", len(made.keys(lake)))
        elif engine == "local":
            _score_here(lake, scorers, score_id, scored, batch_size, out)
        else:
            root = lake.root.resolve()
            job = Job(STAGE, root, make, setup, score_id, made.model_id, batch_size,
                      code_sha256())  # fmt: skip
            _score_on_ray(lake, made, job, scored, joined(ray_address, device), out)
    if out.sums.inputs and out.sums.inputs == out.sums.rejected.total():
        log("note: not one view could be scored; the table `rejects` has each with its reason")
    if made.synthetic_only and real:
        log(
            f"note: {real:,} of {out.sums.inputs:,} views are real photographs, and"
            f" {made.model_id} has seen only drawn scenes: what it says of them means nothing."
            " Name a real model with --model."
        )
    return ScoreResult(score_id, made.model_id, out.sums)


def _reject_missing(lake: Lake, scorer: Scorer, out: Writer) -> int:
    """Views that have nothing the scorer could read; gives the number of real photographs."""
    have, real = scorer.keys(lake), 0
    for batch in lake.batches("views", ["view_id", "synthetic"]):
        for view_id, synthetic in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            real += not synthetic
            if view_id not in have:
                out.reject(view_id, scorer.missing.reason, scorer.missing.detail)
    return real


def _score_here(
    lake: Lake, scorers: list[Scorer], score_id: str, scored: KeySet, size: int, out: Writer
) -> None:
    total = lake.count("views")
    embedded = lake.keys("embeddings") if scorers[0].embeds else KeySet()
    batches = _missing(scorers[0].rows(lake, size), size, scored, out)
    outcomes = Pipeline(scorers, lake.root).run(batches)
    try:
        for outcome in track(outcomes, "score (batches)", -(-total // size)):
            _write(outcome, score_id, scorers[0].model_id, embedded, out)
    except ModelError:  # NaN, or no memory: the batches before that one are good
        out.flush()
        raise


def _score_on_ray(
    lake: Lake,
    scorer: Scorer,
    job: Job,
    scored: KeySet,
    cluster: AbstractContextManager[Pool],
    out: Writer,
) -> None:
    """Units go to the cluster; each is committed as it comes back, with its rejects."""
    embedded = lake.keys("embeddings") if scorer.embeds else KeySet()
    with cluster as pool:
        rows = unit_rows(lake.count("views"), job.batch_size, pool.workers)
        todo = []
        for unit in cut(scorer.ids(lake), scored, embedded, job.model_id, job.batch_size, rows):
            if unit.wanted.any():
                todo.append(unit)
            if before := len(unit.wanted) - int(unit.wanted.sum()):
                out.exclude("scored_before", before)
        for done in track(pool.run(job, todo), f"score (units of {rows:,} views)", len(todo)):
            for view_id, why in done.refused:
                out.reject(view_id, why.reason, why.detail)
            out.adopt(done.shards)
            for view_id in done.accepted:
                out.accept(view_id)
            out.flush()
    lake.sweep()  # what workers wrote that died before they could tell


def _all_scored(lake: Lake, scorer: Scorer, scored: KeySet) -> bool:
    """Told from the ids alone, without reading a picture."""
    have = scorer.keys(lake)
    ids = (i for b in lake.batches("views", ["view_id"]) for i in b["view_id"].to_pylist())
    return all(view_id in scored for view_id in ids if view_id in have)


def _missing(
    rows: Iterable[dict[str, Any]], size: int, scored: KeySet, out: Writer
) -> Iterator[list[dict[str, Any]]]:
    """Batches of the rows that have no score; those that have one are counted."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        missing = [row for row in chunk if row["view_id"] not in scored]
        if len(missing) < len(chunk):
            out.exclude("scored_before", len(chunk) - len(missing))
        yield missing


def _write(outcome: Outcome, score_id: str, model_id: str, embedded: KeySet, out: Writer) -> None:
    for name, rows in outcome.tables(score_id, model_id).items():
        if name == "embeddings" and len(embedded):
            new = [(view_id, model_id) not in embedded for view_id in outcome.ids]
            rows = rows.filter(pa.array(new))
        out.add(name, rows)
    for view_id in outcome.ids:
        out.accept(view_id)
    for view_id, why in outcome.refused:
        out.reject(view_id, why.reason, why.detail)


def _clues(lake: Lake) -> list[ClueText]:
    batches = lake.unique_clues(["clue_id", "text", "category"])
    clues = (ClueText(**row) for batch in batches for row in batch.to_pylist())
    return sorted(clues, key=lambda clue: clue.clue_id)


def _done(lake: Lake, score_id: str) -> Iterator[str]:
    for batch in lake.batches("scores", ["score_id", "view_id"], 65536):
        mine = pc.equal(batch["score_id"], score_id)
        yield from batch["view_id"].filter(mine).to_pylist()


def _warn_of_older_clues(lake: Lake, config: dict[str, Any]) -> None:
    before = lake.last_run(STAGE)
    old = before["config"] if before else config
    if old["score_id"] == config["score_id"] and old["clues"] != config["clues"]:
        log(
            "stale: the clues have changed since the last scores; the top_clues of views scored"
            f" before are of the old ones. Delete {Path(lake.root, 'scores')} to compute them anew."
        )
