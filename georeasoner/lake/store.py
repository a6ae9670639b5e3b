"""Opening, reading and writing a lake. Shards count only when a commit names them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds

from georeasoner.errors import IntegrityError, LakeError, LakeLockedError
from georeasoner.lake.files import TEMPORARY, skip_groups, write_json
from georeasoner.lake.images import read_image
from georeasoner.lake.keys import KeySet
from georeasoner.lake.writer import Writer
from georeasoner.provenance import fingerprint
from georeasoner.records import TABLES, table

if TYPE_CHECKING:
    import duckdb

FORMAT = 1


class Lake:
    """A directory of tables. Use `Lake.open` or `Lake.create`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, path: str | Path) -> Lake:
        """Open an existing lake. Raises `LakeError` when it is none, or of another format."""
        root = Path(path)
        marker = root / "lake.json"
        if root.is_file():
            raise LakeError(f"{root} is a file", "a lake's directory")
        if not marker.is_file():
            hint = "run `scrape` or `ingest` first"
            raise LakeError(f"{root} is not a lake (no lake.json)", "", hint)
        try:
            number = json.loads(marker.read_text())["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise LakeError(f"{marker} is damaged", "JSON with a format number") from error
        if number != FORMAT:
            raise LakeError(
                f"{root} is a lake of format {number}",
                f"format {FORMAT}",
                "run `georeasoner migrate`" if number < FORMAT else "update georeasoner",
            )
        return cls(root)

    @classmethod
    def create(cls, path: str | Path) -> Lake:
        """Open the lake there, or make one. Raises `LakeError` in a folder of other things."""
        root = Path(path)
        if (root / "lake.json").exists():
            return cls.open(root)
        if root.exists() and not root.is_dir():
            raise LakeError(f"{root} is a file", "a directory")
        if root.exists() and any(p for p in root.iterdir() if not p.name.startswith(TEMPORARY)):
            raise LakeError(f"{root} holds other files", "an empty or new directory, or a lake")
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(root / "lake.json", {"format": FORMAT, "created_at": created})
        return cls(root)

    # -- which shards count ---------------------------------------------------------------------

    def commits(self) -> list[dict[str, Any]]:
        """Every commit in order: {"number", "stage", "shards": {table: [name]}, "replaces"}."""
        return [json.loads(p.read_text()) for p in sorted((self.root / "commits").glob("*.json"))]

    def shards(self, name: str) -> list[Path]:
        """The files of a table. One whose folder was deleted is empty; a lost shard is a bug."""
        table(name)
        files: list[str] = []
        for commit in self.commits():
            if name in commit["replaces"]:
                files = []
            files += commit["shards"].get(name, [])
        folder = self.root / name
        if not folder.is_dir():
            return []
        paths = [folder / f for f in files]
        for path in paths:
            if not path.is_file():
                raise IntegrityError(f"{path} is gone; delete the folder {folder} and run again")
        return paths

    def state(self, *names: str) -> str:
        """A fingerprint of what these tables hold; it changes with every shard."""
        return fingerprint([[n, [p.name for p in self.shards(n)]] for n in names])

    # -- reading --------------------------------------------------------------------------------

    def batches(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        batch_rows: int = 1024,
        start: int = 0,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a table from row `start` on, removals left out, in bounded memory."""
        schema = table(name).schema
        wanted = list(columns) if columns is not None else schema.names
        removed = self._removed() if "view_id" in schema.names and name != "removals" else None
        scanned = wanted if removed is None or "view_id" in wanted else [*wanted, "view_id"]
        data = pds.dataset([str(p) for p in self.shards(name)], schema=schema, format="parquet")
        if start:
            data, start = skip_groups(data, start, removed)
        scanner = data.scanner(
            columns=scanned, batch_size=batch_rows, batch_readahead=1, fragment_readahead=1
        )
        for batch in scanner.to_batches():
            if removed is not None:
                batch = batch.filter(pc.invert(pc.is_in(batch["view_id"], value_set=removed)))
            first = min(start, batch.num_rows)
            start -= first
            if first < batch.num_rows:
                yield batch.slice(first).select(wanted)

    def _removed(self) -> pa.Array | None:
        files = self.shards("removals")
        if not files:
            return None
        ids = pds.dataset([str(p) for p in files], format="parquet").to_table(columns=["view_id"])
        return ids["view_id"].combine_chunks()

    def read(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A whole table, or some of its columns, in memory: for what is known to be small."""
        schema = table(name).schema
        wanted = list(columns) if columns is not None else schema.names
        kept = pa.schema([schema.field(c) for c in wanted])
        return pa.Table.from_batches(self.batches(name, columns, 65536), schema=kept)

    def count(self, name: str) -> int:
        """How many rows a table has, removals left out."""
        first = table(name).schema.names[0]
        return sum(batch.num_rows for batch in self.batches(name, [first], 65536))

    def keys(self, name: str, columns: Sequence[str] | None = None) -> KeySet:
        """The keys of a table (its key columns, or those given), 8 bytes each."""
        wanted = list(columns or table(name).key)

        def rows() -> Iterator[str | tuple[str, ...]]:
            for batch in self.batches(name, wanted, 65536):
                parts = [batch[c].to_pylist() for c in wanted]
                yield from parts[0] if len(parts) == 1 else zip(*parts, strict=True)

        return KeySet(rows())

    def unique_clues(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The clues, those that `clue_groups` found near-identical by the one kept of them."""
        groups = self.read("clue_groups", ["clue_id", "keep"])
        merged = groups.filter(pc.invert(groups["keep"]))["clue_id"].combine_chunks()
        wanted = list(columns) if columns is not None else table("clues").schema.names
        for batch in self.batches("clues", ["clue_id", *(c for c in wanted if c != "clue_id")]):
            kept = batch.filter(pc.invert(pc.is_in(batch["clue_id"], value_set=merged)))
            if kept.num_rows:
                yield kept.select(wanted)

    def image_bytes(self, batch: pa.RecordBatch) -> Iterator[tuple[str, bytes]]:
        """(view_id, encoded bytes) for rows of `images`; raises `InputError` where unreadable."""
        for row in batch.to_pylist():
            yield row["view_id"], read_image(row, self.root)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in which every table is a view, empty ones too."""
        import duckdb

        from georeasoner.lake.views import create_views

        connection = duckdb.connect()
        create_views(connection, {name: self.shards(name) for name in TABLES})
        return connection

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer. Raises `LakeLockedError` when another process is."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise LakeLockedError(
                f"{self.root} is being written by another process",
                "one writer at a time",
                "wait for it to end",
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(
        self,
        stage: str,
        config: dict[str, Any],
        *,
        whole: Sequence[str] = (),
        seed: int | None = None,
        inputs: str | None = None,
    ) -> Iterator[Writer]:
        """Write rows of a stage: take the lock, commit shard groups, check and store the sums.

        Tables named in `whole` are replaced when the block ends well; others are appended to as it
        goes. `inputs` is the `state` of what the stage read. A block that raises keeps what was
        committed so far of appended tables, and nothing of replaced ones.
        """
        with self.lock():
            self.sweep()
            out = Writer(self, stage, config, frozenset(whole), seed, inputs)
            yield out
            out.close()

    def write_commit(
        self, number: int, stage: str, shards: dict[str, list[str]], replaces: Sequence[str]
    ) -> None:
        """Make shards count, and those of replaced tables not any more. Under the lock only."""
        content = {"number": number, "stage": stage, "shards": shards, "replaces": list(replaces)}
        write_json(self.root / "commits" / f"{number:06d}.json", content)

    def last_run(self, stage: str) -> dict[str, Any] | None:
        """The stored sums and provenance of a stage's last complete run."""
        path = self.root / "stages" / f"{stage}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def is_current(self, stage: str, config: dict[str, Any], inputs: str) -> bool:
        """Whether the last run of a stage had this configuration and these inputs."""
        run = self.last_run(stage)
        return (
            run is not None
            and run["fingerprint"] == fingerprint(config)
            and (run["inputs_state"] == inputs)
        )

    def sweep(self) -> None:
        """Delete what no commit names, the leavings of a run that died; forget deleted tables."""
        live = {name: {p.name for p in self.shards(name)} for name in TABLES}
        gone = sorted(
            {
                name
                for commit in self.commits()
                for name in commit["shards"]
                if not (self.root / name).is_dir()
            }
        )
        if gone:
            number = max(c["number"] for c in self.commits()) + 1
            self.write_commit(number, "deleted", {}, replaces=gone)
        for name, keep in live.items():
            for path in (self.root / name).glob("*"):
                if path.name not in keep:
                    path.unlink(missing_ok=True)  # a worker cut off from its cluster may rename it
        for folder in ("commits", "stages"):
            for path in (self.root / folder).glob(TEMPORARY + "*"):
                path.unlink()
