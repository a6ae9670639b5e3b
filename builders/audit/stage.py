"""The stage "audit": a lake and a benchmark in, the tables `audits` and `overlaps` out.

An audit is kept by what it was against: one of another benchmark adds to the tables, one of the
same benchmark replaces its rows, and one of the same benchmark, lake and settings does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builders.audit.benchmark import COLUMNS, Benchmark, said
from builders.audit.overlaps import KINDS, Limits, Overlap, find_overlaps
from builders.audit.pictures import Seen, has_pictures, model_of, see
from builders.audit.sides import Side, Traits, hashes_state, lake_traits
from builders.card import DRAWN_ONLY
from georeasoner.errors import EmptyResultError, InputError
from georeasoner.lake import Lake, Writer
from georeasoner.lake.files import write_bytes, write_parquet
from georeasoner.progress import log
from georeasoner.provenance import fingerprint
from georeasoner.records import table

STAGE = "audit"
PICTURE_KINDS = ("same_picture", "same_phash")
_NEEDS = {
    "same_file": ["sha256"], "same_sequence": ["sequence_id"], "same_author": ["author"],
    "same_place": ["lat", "lon"], "same_cell": ["lat", "lon"],
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How to compare. `model` names the embeddings where the lake has several, or says where the
    model is; without `pictures` none is read."""

    limits: Limits = field(default_factory=Limits)
    pictures: bool = True
    model: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class Audit:
    """A row of `audits`, and its rows of `overlaps`."""

    record: dict[str, Any]
    overlaps: pa.Table

    def counted(self) -> str:
        """The views of the benchmark that overlap, by kind, in words."""
        found = [c for c in self.record["counts"] if c["pairs"]]
        return ", ".join(f"{c['overlap']} {c['against_views']:,}" for c in found) or "none"


def audit(lake: Lake, benchmark: Benchmark, settings: Settings | None = None) -> Audit:
    """Compare a lake with a benchmark; nothing happens where that was done.

    Of `overlaps` there is, for each kind and each view concerned of either side, the row with the
    closest view of the other side; `record["counts"]` has the pairs in all. What the benchmark does
    not say cannot be compared, and a line says so. Raises `EmptyResultError` for a lake without
    views, `InputError`, `UnknownNameError` or `ModelError` where pictures cannot be compared.
    """
    settings = settings or Settings()
    if not next(lake.batches("views", ["view_id"], 1), None):
        raise EmptyResultError("the lake has no views to compare", "", "run `ingest` first")
    pictures = settings.pictures and has_pictures(benchmark)
    model_id = model_of(lake, settings.model) if pictures else None
    kinds = _looked_for(benchmark, pictures, settings)
    if model_id is not None and model_id.startswith(f"{DRAWN_ONLY}@"):
        _warn_of_photographs(benchmark, model_id)
    config = {
        "against": benchmark.source, "revision": benchmark.revision, "model": model_id,
        "kinds": kinds, **asdict(settings.limits),
        "truth": fingerprint(benchmark.truth.select(COLUMNS).sort_by("view_id").to_pylist()),
        "theirs": benchmark.lake and state_of(benchmark.lake, kinds, model_id),
    }  # fmt: skip
    state = state_of(lake, kinds, model_id)
    done = stored(lake, benchmark.source)
    if done and (done.record["fingerprint"], done.record["lake_state"]) == (
        fingerprint(config), state,
    ):  # fmt: skip
        log(f"{STAGE}: {benchmark.source} was compared already, with the same lake and settings")
        return done
    with lake.writing(STAGE, config, whole=["audits", "overlaps"], inputs=state) as out:
        _keep_others(lake, benchmark.source, out)
        seen = Seen(Traits.none(), {})
        if model_id is not None:
            seen = see(lake, benchmark, model_id, settings.model, settings.device, out)
        mine = Side.of(
            lake.read("views", COLUMNS),
            Traits.none() if model_id is None else lake_traits(lake, model_id),
        )
        theirs = Side.of(_with_hashes(benchmark.truth.select(COLUMNS), seen.sha256), seen.traits)
        found = [o for o in find_overlaps(mine, theirs, settings.limits) if o.kind in kinds]
        rows = pa.concat_tables([_rows(benchmark.source, o, mine, theirs) for o in found])
        record = {
            "against": benchmark.source, "name": benchmark.name, "revision": benchmark.revision,
            "against_views": len(theirs), "kinds": kinds, "model": model_id,
            "counts": [_count(o) for o in found], "settings": json.dumps(asdict(settings.limits)),
            "lake_state": state, "fingerprint": fingerprint(config),
            "audited_at": datetime.now(UTC),
        }  # fmt: skip
        out.add("overlaps", rows)
        out.add("audits", [record])
        _sums(benchmark, theirs, seen, out)
        if model_id is not None and (bare := len(mine) - len(mine.picture)):
            out.note("lake_views_without_embedding", bare)
    result = Audit(record, rows)
    log(f"{STAGE}: views of {benchmark.name} that overlap with {lake.root}: {result.counted()}")
    return result


def tables_read(kinds: Sequence[str]) -> tuple[str, ...]:
    """The tables of a lake that an audit of those kinds depends on."""
    pictures = ("embeddings",) if set(kinds) & set(PICTURE_KINDS) else ()
    return ("views", "removals", *pictures)


def state_of(lake: Lake, kinds: Sequence[str], model_id: str | None) -> str:
    """A fingerprint of all that an audit of those kinds reads of a lake.

    Of `scores` that is the perceptual hashes by the audit's model, so that another score of the
    same views leaves an audit as good as it was.
    """
    state = lake.state(*tables_read(kinds))
    return state if model_id is None else fingerprint([state, hashes_state(lake, model_id)])


def stored(lake: Lake, against: str) -> Audit | None:
    """What the lake's tables have of an audit, if anything."""
    records = [r for r in lake.read("audits").to_pylist() if r["against"] == against]
    if not records:
        return None
    rows = lake.read("overlaps")
    return Audit(records[0], rows.filter(pc.equal(rows["against"], against)))


def save_overlaps(found: Audit, path: Path) -> None:
    """The overlaps as csv or Parquet, by the file's suffix. Raises `InputError` for another."""
    if path.suffix == ".parquet":
        write_parquet(path, found.overlaps)
    else:
        import pyarrow.csv

        buffer = pa.BufferOutputStream()
        pyarrow.csv.write_csv(found.overlaps, buffer)
        write_bytes(path, buffer.getvalue().to_pybytes())


def check_suffix(path: Path, *suffixes: str) -> None:
    """Raises `InputError` for a file of another kind, before any work is done for it."""
    if path.suffix not in suffixes:
        raise InputError(f"{path} cannot be written", f"a file named {' or '.join(suffixes)}")


def _looked_for(benchmark: Benchmark, pictures: bool, settings: Settings) -> list[str]:
    """The kinds that can be found, by what the benchmark says of its views."""
    known = said(benchmark)
    if pictures:
        known.append("sha256")  # computed where it is not stated
    missing = [c for c in COLUMNS if c not in known]
    kinds = [k for k in KINDS if not set(_NEEDS.get(k, [])) & set(missing)]
    if missing:
        log(
            f"{STAGE}: {benchmark.name} has no {', '.join(missing)}; those overlaps cannot be found"
        )
    if not pictures:
        kinds = [k for k in kinds if k not in PICTURE_KINDS]
        if not settings.pictures:
            log(f"{STAGE}: pictures are not compared: {' and '.join(PICTURE_KINDS)} not looked for")
    return kinds


def _warn_of_photographs(benchmark: Benchmark, model_id: str) -> None:
    real = sum(not synthetic for synthetic in benchmark.truth["synthetic"].to_pylist())
    if real:
        log(
            f"note: {real:,} views of {benchmark.name} are not known to be drawn, and {model_id}"
            " has seen only drawn scenes: its same_picture means nothing for photographs."
        )


def _keep_others(lake: Lake, against: str, out: Writer) -> None:
    """Audits of other benchmarks stay, as long as their record does."""
    records = lake.read("audits")
    records = records.filter(pc.not_equal(records["against"], against))
    rows = lake.read("overlaps")
    kept = pc.is_in(rows["against"], value_set=records["against"].combine_chunks())
    out.add("audits", records)
    out.add("overlaps", rows.filter(kept))


def _with_hashes(views: pa.Table, sha256: dict[str, str]) -> pa.Table:
    """A hash that is stated counts, else the one of the bytes."""
    ids, stated = views["view_id"].to_pylist(), views["sha256"].to_pylist()
    hashes = [given or sha256.get(i) for i, given in zip(ids, stated, strict=True)]
    at = views.column_names.index("sha256")
    return views.set_column(at, "sha256", pa.array(hashes, pa.string()))


def _rows(against: str, found: Overlap, mine: Side, theirs: Side) -> pa.Table:
    """Rows of `overlaps`; distance and cosine are given wherever they are known."""
    count = len(found.mine)
    distance = mine.distance_km(found.mine, theirs, found.theirs)
    similarity = np.full(count, np.nan, np.float32)
    for start in range(0, count, 4096):
        part = slice(start, start + 4096)
        has, own = mine.vectors(found.mine[part])
        known, _ = theirs.vectors(found.theirs[part])
        both = has & known
        other = theirs.vectors(found.theirs[part][both])[1]
        cosine = np.einsum("kd,kd->k", own[known[has]], other)
        similarity[start + np.flatnonzero(both)] = np.clip(cosine, -1, 1)
    columns = [
        pa.array([against] * count, pa.string()),
        pa.array([found.kind] * count, pa.string()),
        mine.ids(found.mine).combine_chunks(),
        theirs.ids(found.theirs).combine_chunks(),
        pa.array(similarity, from_pandas=True),
        pa.nulls(count, pa.int32()) if found.bits is None else pa.array(found.bits, pa.int32()),
        pa.array(distance, from_pandas=True),
    ]
    return pa.Table.from_arrays(columns, schema=table("overlaps").schema)


def _count(found: Overlap) -> dict[str, Any]:
    return {
        "overlap": found.kind, "against_views": len(np.unique(found.theirs)),
        "views": len(np.unique(found.mine)), "pairs": found.pairs,
    }  # fmt: skip


def _sums(benchmark: Benchmark, theirs: Side, seen: Seen, out: Writer) -> None:
    """Inputs are the benchmark's views; a picture that cannot be had is counted by its reason."""
    for view_id in theirs.views["view_id"].to_pylist():
        input_id = f"{benchmark.source} {view_id}"
        why = seen.refused.get(view_id)
        if why is None:
            out.accept(input_id)
        elif why.reason == "no_picture":
            out.exclude(why.reason)
        else:
            out.reject(input_id, why.reason, why.detail)
