"""A run on disk: which model answered which task how, complete in one folder.

RUNS/RUN_ID/run.json             model, task, settings, provenance, counts
RUNS/RUN_ID/truth.parquet        the task's truth, so that a run is scored without its source
RUNS/RUN_ID/parts/*.parquet      answers so far, while it is running
RUNS/RUN_ID/predictions.parquet  all answers, rows of the lake's table `predictions`
RUNS/RUN_ID/examples.parquet     a few small pictures for the leaderboard's page
RUNS/RUN_ID/metrics.json         what `score_run` found
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from georeasoner.errors import InputError
from georeasoner.progress import log
from georeasoner.provenance import fingerprint


@dataclass(frozen=True)
class Run:
    """A folder of one run, with what its run.json says."""

    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The model's name on the leaderboard."""
        return str(self.record["name"])

    @property
    def task(self) -> dict[str, Any]:
        """The task's identity."""
        task: dict[str, Any] = self.record["task"]
        return task

    @property
    def task_key(self) -> tuple[str, str, str]:
        """What has to be equal for two runs to compare: name, views and truth."""
        return str(self.task["name"]), str(self.task["ids_sha256"]), str(self.task["truth"])

    def table(self, name: str) -> Any:
        """`predictions`, `truth` or `examples` as an Arrow table."""
        return pq.read_table(self.folder / f"{name}.parquet")


def open_run(folder: Path) -> Run:
    """The run in a folder. Raises `InputError` when it is none or not complete."""
    path = folder / "run.json"
    if not path.is_file():
        raise InputError(f"{folder} is not a run (no run.json)", "a folder made by `benchmark`")
    record = json.loads(path.read_text())
    if record["status"] != "complete":
        raise InputError(f"{folder} is not complete", "", "run the same `benchmark` command again")
    return Run(folder, record)


def load_runs(root: Path) -> list[Run]:
    """Every complete run below `root`, oldest first; of one name and task only the newest.

    Unfinished and superseded runs are named in the log. Raises `InputError` when none is left.
    """
    newest: dict[tuple[str, ...], Run] = {}
    found = []
    for path in root.glob("*/run.json"):
        record = json.loads(path.read_text())
        if record["status"] != "complete":
            log(f"leaderboard: {path.parent.name} is not complete and left out")
            continue
        found.append(Run(path.parent, record))
    for run in sorted(found, key=lambda r: (r.record["completed_at"], r.folder.name)):
        key = (run.name, *run.task_key)
        if key in newest:
            log(f"leaderboard: {newest[key].folder.name} is superseded by {run.folder.name}")
            del newest[key]
        newest[key] = run
    if not newest:
        raise InputError(
            f"{root} has no complete runs", "a folder of runs", "run `benchmark` first"
        )
    return list(newest.values())


def run_id_of(name: str, depends_on: dict[str, Any]) -> str:
    """A folder's name that a person can read and that no run with other answers has.

    Where the task's files lie does not matter, what is in them does.
    """
    task = {key: value for key, value in depends_on["task"].items() if key != "source"}
    digest = fingerprint(name, {**depends_on, "task": task})
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:48]
    return f"{plain or 'run'}-{digest[:10]}"
