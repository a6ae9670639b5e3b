"""Writing rows: buffered, committed in groups of shards, with sums that must add up."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from georeasoner.errors import IntegrityError
from georeasoner.lake.files import write_json, write_parquet
from georeasoner.progress import log
from georeasoner.provenance import provenance
from georeasoner.records import table

if TYPE_CHECKING:
    from georeasoner.lake.store import Lake

COMMIT_ROWS = 4096
COMMIT_BYTES = 64 << 20
COMMIT_S = 30.0  # so that a slow stage that is killed loses no more work than this


@dataclass
class Sums:
    """inputs = accepted + excluded + rejected, each with its reasons."""

    accepted: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def inputs(self) -> int:
        """How many inputs were seen."""
        return self.accepted + self.excluded.total() + self.rejected.total()

    def line(self, stage: str) -> str:
        """The sum as one readable line."""

        def part(name: str, counts: Counter[str]) -> str:
            why = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.items()))
            return f"{counts.total():,} {name}" + (f" ({why})" if why else "")

        notes = "".join(f"; {reason} {n:,}" for reason, n in sorted(self.notes.items()))
        return (
            f"{stage}: {self.inputs:,} inputs = {self.accepted:,} accepted"
            f" + {part('excluded', self.excluded)} + {part('rejected', self.rejected)}{notes}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The sum for JSON."""
        return {
            "inputs": self.inputs,
            "accepted": self.accepted,
            "excluded": dict(self.excluded),
            "rejected": dict(self.rejected),
            "notes": dict(self.notes),
        }


def write_shard(root: Path, stage: str, name: str, rows: pa.Table) -> str:
    """Write rows of the table `name` to a new shard, which counts once a commit names it."""
    file = f"{stage}-{uuid.uuid4().hex[:12]}.parquet"
    write_parquet(root / name / file, rows.cast(table(name).schema))
    return file


class Writer:
    """What `Lake.writing` gives: add rows of one input, then say what became of that input.

    Rows go to disk only at the boundary between inputs, so no input is ever half there.
    """

    def __init__(
        self,
        lake: Lake,
        stage: str,
        config: dict[str, Any],
        whole: frozenset[str],
        seed: int | None,
        inputs: str | None,
    ) -> None:
        self.lake, self.stage, self.config = lake, stage, config
        self.sums = Sums()
        self._whole, self._seed, self._inputs = whole, seed, inputs
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._tables: dict[str, list[pa.Table]] = {}
        self._adopted: dict[str, list[str]] = {}
        self._pending_rows = self._pending_bytes = 0
        self._flushed_s = time.monotonic()
        self._replaced: dict[str, list[str]] = {name: [] for name in whole}
        self._number = max((c["number"] for c in lake.commits()), default=0)
        refused = lake.read("rejects", ["stage", "input_id"]).to_pylist()
        self._refused = {r["input_id"] for r in refused if r["stage"] == stage}
        self._before = frozenset(self._refused)
        self._mended: set[str] = set()
        self._confirmed: set[str] = set()
        self._reread: set[str] = set()

    def add(self, name: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> None:
        """Rows for a table: mappings (absent columns are null) or an Arrow table of its schema."""
        schema = table(name).schema
        if isinstance(rows, pa.Table):
            self._tables.setdefault(name, []).append(rows.cast(schema))
            self._pending_rows += rows.num_rows
            self._pending_bytes += rows.nbytes
            return
        for row in rows:
            if unknown := set(row) - set(schema.names):
                raise IntegrityError(f"{self.stage} adds columns {sorted(unknown)} to {name}")
            self._rows.setdefault(name, []).append(dict(row))
            self._pending_rows += 1
            self._pending_bytes += len(row.get("bytes") or b"") + 200

    def adopt(self, shards: Mapping[str, Sequence[str]]) -> None:
        """Shards {table: [file]} that workers wrote by `write_shard`: they count from the next
        commit on, with the rows added before it."""
        for name, files in shards.items():
            self._adopted.setdefault(name, []).extend(files)

    def accept(self, input_id: str | None = None, count: int = 1) -> None:
        """An input was taken; a reject of it from an earlier run is lifted."""
        self.sums.accepted += count
        if input_id in self._refused:
            self._mended.add(str(input_id))
        self._flush_when_full()

    def reread(self, prefix: str) -> None:
        """All inputs whose ids begin so are read anew: their rejects of earlier runs are lifted,
        unless they are refused again."""
        self._reread.add(prefix)

    def exclude(self, reason: str, count: int = 1) -> None:
        """An input was left out by a filter."""
        self.sums.excluded[reason] += count
        self._flush_when_full()

    def reject(self, input_id: str, reason: str, detail: str = "") -> None:
        """An input was refused; the row is written once, however often the stage runs."""
        self.sums.rejected[reason] += 1
        self._confirmed.add(input_id)
        if input_id not in self._refused:
            self._refused.add(input_id)
            row = {"stage": self.stage, "input_id": input_id, "reason": reason, "detail": detail}
            self.add("rejects", [row])
        self._flush_when_full()

    def note(self, what: str, count: int = 1) -> None:
        """Count something worth telling that changes no sum (a country conflict, say)."""
        self.sums.notes[what] += count

    def _flush_when_full(self) -> None:
        full = self._pending_rows >= COMMIT_ROWS or self._pending_bytes >= COMMIT_BYTES
        if full or (self._pending_rows and time.monotonic() - self._flushed_s >= COMMIT_S):
            self.flush()

    def flush(self) -> None:
        """Commit everything added so far. Call only between inputs."""
        shards, self._adopted = self._adopted, {}
        for name in sorted({*self._rows, *self._tables}):
            schema = table(name).schema
            parts = self._tables.get(name, [])
            if rows := self._rows.get(name):
                parts = [*parts, pa.Table.from_pylist(rows, schema=schema)]
            file = write_shard(self.lake.root, self.stage, name, pa.concat_tables(parts))
            target = self._replaced if name in self._whole else shards
            target.setdefault(name, []).append(file)
        self._rows, self._tables = {}, {}
        self._pending_rows = self._pending_bytes = 0
        self._flushed_s = time.monotonic()
        if shards:
            self._commit(shards, replaces=[])

    def _commit(self, shards: dict[str, list[str]], replaces: Sequence[str]) -> None:
        self._number += 1
        self.lake.write_commit(self._number, self.stage, shards, replaces)

    def close(self) -> None:
        """Commit the rest, swap the whole tables, store and print the sums."""
        self.flush()
        gone = self._before - self._confirmed if self._reread else frozenset()
        self._mended |= {i for i in gone if i.startswith(tuple(self._reread))}
        if self._mended:
            self._lift_rejects()
        if self._whole:
            self._commit(self._replaced, replaces=sorted(self._whole))
        record = provenance(self.config, self._seed)
        record |= {"stage": self.stage, "inputs_state": self._inputs, "sums": self.sums.as_dict()}
        write_json(self.lake.root / "stages" / f"{self.stage}.json", record)
        log(self.sums.line(self.stage))

    def _lift_rejects(self) -> None:
        kept = [
            row
            for row in self.lake.read("rejects").to_pylist()
            if row["stage"] != self.stage or row["input_id"] not in self._mended
        ]
        rows = pa.Table.from_pylist(kept, schema=table("rejects").schema)
        file = write_shard(self.lake.root, self.stage, "rejects", rows)
        self._commit({"rejects": [file]}, replaces=["rejects"])
