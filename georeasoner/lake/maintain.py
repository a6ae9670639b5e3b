"""Keeping a lake in order: take views down, erase them for good, move to a newer format."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from georeasoner.errors import InputError
from georeasoner.lake.files import TEMPORARY
from georeasoner.lake.store import Lake
from georeasoner.lake.writer import COMMIT_BYTES, Sums
from georeasoner.progress import log, track
from georeasoner.records import TABLES


def remove(lake: Lake, view_ids: Sequence[str], why: str) -> Sums:
    """Take views down: they are left out of every other table when it is read.

    Raises `InputError` naming the ids that the lake does not have; then nothing is removed.
    """
    known = lake.keys("views")
    gone = lake.keys("removals")
    unknown = [i for i in view_ids if i not in known and i not in gone]
    if unknown:
        shown = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        raise InputError(f"no view {shown} in {lake.root}", "ids of the table views")
    with lake.writing("remove", {"why": why, "ids": sorted(view_ids)}) as out:
        for view_id in dict.fromkeys(view_ids):
            if view_id in gone:
                out.exclude("already_removed")
                continue
            out.add("removals", [{"view_id": view_id, "why": why, "when": datetime.now(UTC)}])
            out.accept(view_id)
    return out.sums


def compact(lake: Lake) -> dict[str, tuple[int, int]]:
    """Rewrite every table but `removals` into few shards, without the rows of removed views.

    Returns {table: (shards before, shards after)}. The old shards are deleted only when the commit
    that replaces them is on disk, so a compaction that dies has changed nothing.
    """
    result = {}
    with lake.lock():
        lake.sweep()
        shards: dict[str, list[str]] = {}
        for name in track([n for n in TABLES if n != "removals"], "compact"):
            before = lake.shards(name)
            if before:
                shards[name] = _rewrite(lake, name)
                result[name] = (len(before), len(shards[name]))
        if shards:
            number = max(c["number"] for c in lake.commits()) + 1
            lake.write_commit(number, "compact", shards, replaces=sorted(shards))
        lake.sweep()
    for name, (old, new) in result.items():
        log(f"compact: {name}: {old} shards -> {new}")
    return result


def _rewrite(lake: Lake, name: str) -> list[str]:
    """Stream the rows that are still there into shards of about `COMMIT_BYTES`; their names."""
    names: list[str] = []
    writer: pq.ParquetWriter | None = None
    pending = 0
    folder = lake.root / name

    def finish() -> None:
        nonlocal writer
        if writer is not None:
            writer.close()
            (folder / (TEMPORARY + names[-1])).replace(folder / names[-1])
            writer = None

    for batch in lake.batches(name, batch_rows=1024):
        if writer is None:
            names.append(f"compact-{uuid.uuid4().hex[:12]}.parquet")
            temporary = folder / (TEMPORARY + names[-1])
            writer = pq.ParquetWriter(temporary, TABLES[name].schema, compression="zstd")
            pending = 0
        writer.write_batch(batch.cast(TABLES[name].schema))
        pending += pa.Table.from_batches([batch]).nbytes
        if pending >= 4 * COMMIT_BYTES:
            finish()
    finish()
    return names


def migrate(lake_path: str | Path) -> str:
    """Bring a lake to the present format; the line that says what was done.

    Format 1 is the first, so a lake that opens is up to date.
    """
    lake = Lake.open(lake_path)
    return f"{lake.root} has the present format; nothing to do"
