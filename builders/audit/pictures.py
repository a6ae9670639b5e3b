"""A benchmark's pictures seen as the lake's were: embedding, perceptual hash, hash of the file.

What a lake of the benchmark's own has is taken from there. The rest is computed by the model of
the lake's embeddings and kept in the table `audit_pictures` as it comes, so that a run that was
killed goes on, and an audit of a lake that has grown does not look at the benchmark again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builders.audit.benchmark import Benchmark
from builders.audit.sides import Traits, lake_traits
from georeasoner.errors import InputError, ModelError, UnknownNameError
from georeasoner.lake import Lake, Writer
from georeasoner.progress import log, track
from georeasoner.records import table
from scoring.choose import choose_model
from scoring.decode import Refusal
from scoring.pipeline import Outcome, Pipeline
from scoring.scored import Setup
from scoring.scorers.clip import ClipScorer
from scoring.weights import load_weights

BATCH = 32
_COMMIT_BATCHES = 16  # a commit every 512 pictures
Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """Of a benchmark's pictures: their traits, hashes of files, and what could not be read."""

    traits: Traits
    sha256: dict[str, str]
    refused: dict[str, Refusal] = field(default_factory=dict)


def has_pictures(benchmark: Benchmark) -> bool:
    """Whether there is a picture to compare; a line says so where there is none."""
    try:
        first = next(benchmark.read_pictures(frozenset(benchmark.truth["view_id"].to_pylist())))
    except InputError as error:
        log(f"audit: {error.found}; same_picture and same_phash cannot be found")
        return False
    except StopIteration:
        first = ("", Refusal("no_picture"))
    if isinstance(first[1], Refusal) and first[1].reason == "no_picture":
        log(f"audit: {benchmark.name} has no pictures: same_picture and same_phash cannot be found")
        return False
    return True


def model_of(lake: Lake, wanted: str | None) -> str:
    """The embeddings to compare: of the model named (as in the lake, or as it is loaded), or the
    only one. Raises `InputError`, `UnknownNameError` or `ModelError`."""
    if wanted is None:
        return choose_model(lake)
    try:
        return choose_model(lake, wanted)
    except UnknownNameError:
        return choose_model(lake, _scorer(wanted, None).model_id)


def see(
    lake: Lake, benchmark: Benchmark, model_id: str, wanted: str | None, device: str | None,
    out: Writer,
) -> Seen:  # fmt: skip
    """Traits of all pictures of a benchmark. Raises `ModelError` where some have to be embedded
    and the model is not at hand."""
    refused: dict[str, Refusal] = {}
    theirs = Traits.none() if benchmark.lake is None else lake_traits(benchmark.lake, model_id)
    if not len(theirs.unit):
        theirs = Traits.none()
    missing = set(benchmark.truth["view_id"].to_pylist()) - set(theirs.embedded.to_pylist())
    missing -= set(_kept(lake, benchmark, model_id)["against_id"].to_pylist())
    if missing:
        refused = {i: Refusal("no_picture") for i in missing}
        scorer = _scorer_of(model_id, wanted, device)
        _look(lake, benchmark, scorer, frozenset(missing), refused, out)
    return _together(theirs, _kept(lake, benchmark, model_id), refused)


def _look(
    lake: Lake, benchmark: Benchmark, scorer: ClipScorer, ids: frozenset[str],
    refused: dict[str, Refusal], out: Writer,
) -> None:  # fmt: skip
    """Read, decode and embed pictures; what was seen is no longer in `refused`."""
    sha256: dict[str, str] = {}
    batches = _batches(benchmark.read_pictures(ids), sha256, refused)
    outcomes = Pipeline([scorer], lake.root).run(batches)
    total = -(-len(ids) // BATCH)
    for number, outcome in enumerate(track(outcomes, "audit (batches)", total), 1):
        out.add("audit_pictures", list(_rows(benchmark, scorer.model_id, outcome, sha256)))
        for view_id in outcome.ids:
            refused.pop(view_id, None)
        refused.update(outcome.refused)
        if number % _COMMIT_BATCHES == 0:
            out.flush()
    out.flush()


def _batches(
    pictures: Iterator[tuple[str, bytes | Refusal]], sha256: dict[str, str],
    refused: dict[str, Refusal],
) -> Iterator[list[Row]]:  # fmt: skip
    """Pictures as rows of `images`; the hashes of the files are noted on the way."""
    while chunk := list(islice(pictures, BATCH)):
        rows = []
        for view_id, data in chunk:
            if isinstance(data, Refusal):
                refused[view_id] = data
                continue
            sha256[view_id] = hashlib.sha256(data).hexdigest()
            rows.append({"view_id": view_id, "bytes": data, "uri": None})
        yield rows


def _rows(
    benchmark: Benchmark, model_id: str, outcome: Outcome, sha256: dict[str, str]
) -> Iterator[Row]:
    vectors = (v for part in outcome.parts for v in part.vectors)  # type: ignore[union-attr]
    for view_id, phash, vector in zip(outcome.ids, outcome.phash, vectors, strict=True):
        yield {
            "against": benchmark.source, "revision": benchmark.revision, "against_id": view_id,
            "model": model_id, "sha256": sha256.pop(view_id), "phash": phash,
            "vector": vector.astype(np.float16),
        }  # fmt: skip


def _kept(lake: Lake, benchmark: Benchmark, model_id: str) -> pa.Table:
    """The rows of `audit_pictures` of this benchmark, revision and model."""
    wanted = {"against": benchmark.source, "revision": benchmark.revision, "model": model_id}
    parts = []
    for batch in lake.batches("audit_pictures", batch_rows=4096):
        mine = np.ones(batch.num_rows, np.bool_)
        for column, value in wanted.items():
            mine &= pc.equal(batch[column], value).to_numpy(zero_copy_only=False)
        parts.append(batch.filter(pa.array(mine)))
    return pa.Table.from_batches(parts, schema=table("audit_pictures").schema)


def _together(theirs: Traits, kept: pa.Table, refused: dict[str, Refusal]) -> Seen:
    ids = kept["against_id"].combine_chunks()
    unit = theirs.unit
    if kept.num_rows:
        flat = kept["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        own = flat.reshape(kept.num_rows, -1)
        unit = np.concatenate([unit, own]) if len(unit) else own
    hashed = kept.filter(pc.is_valid(kept["phash"]))
    traits = Traits(
        pa.concat_arrays([theirs.embedded, ids]),
        unit,
        pa.concat_arrays([theirs.hashed, hashed["against_id"].combine_chunks()]),
        np.concatenate([theirs.phash, hashed["phash"].to_numpy().view(np.uint64)]),
    )
    sha256 = dict(zip(ids.to_pylist(), kept["sha256"].to_pylist(), strict=True))
    return Seen(traits, sha256, refused)


def _scorer(model: str | None, device: str | None) -> ClipScorer:
    return ClipScorer(Setup(model, load_weights("published", []), device=device))


def _scorer_of(model_id: str, wanted: str | None, device: str | None) -> ClipScorer:
    """The model of that id: by the word of the user, or the shipped one, or by its own name."""
    for word in (wanted, None, model_id, model_id.partition("@")[0]):
        try:
            scorer = _scorer(word, device)
        except ModelError:
            continue
        if scorer.model_id == model_id:
            return scorer
    raise ModelError(
        f"the lake's embeddings are of {model_id}, which cannot be loaded by that name", "",
        "say by --model where it is (local-dir:PATH, hf-hub:ID), or leave pictures out by"
        " --no-pictures",
    )  # fmt: skip
