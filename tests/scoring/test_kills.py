"""SIGKILL at twenty random moments over the stages, then run again: the rows of a quiet run.

Every stage is a process of its own, killed at seeded random moments between its first change on
disk and its end, as long as an undisturbed run took for that; a stage is killed again in what is
left of it after the last kill. Shards are committed every few rows, so that most kills find some.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from segmenters import save

from georeasoner.config import REPOSITORY
from georeasoner.lake import Lake
from georeasoner.lake.files import TEMPORARY
from georeasoner.progress import log
from georeasoner.records import TABLES

SEED = 20
COMMAND = """
import georeasoner.lake.writer as writer
from georeasoner.cli import main
writer.COMMIT_ROWS = 32  # 4096 where nothing is to be tested
main()
"""
TRIES = 8  # a run may end before its kill


@dataclass(frozen=True)
class Stage:
    """One command, how often it is killed, and what its tables may differ in."""

    name: str
    words: str  # {lake}, {out} and {model} are filled in
    kills: int
    whole: bool = False  # its table is replaced at the end, so a killed run has left nothing


STAGES = [
    Stage("scrape", "scrape clueworld --lake {lake} --delay-s 0.02", kills=3),
    Stage("ingest", "ingest clueworld:250 --lake {lake} --seed 5", kills=4),
    Stage("clip", "score {lake} --batch-size 8", kills=4),
    Stage("segmentation", "score {lake} --scorer segmentation --model {model} --batch-size 8", 3),
    Stage("dedup", "dedup {lake}", kills=3, whole=True),
    Stage("build", "build {lake} --out {out} --scores {score} --min-locatability 0", 3, whole=True),
]


class Place:
    """A folder with a lake and what is built of it."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.lake, self._model = root, root / "lake", model

    def start(self, stage: Stage) -> subprocess.Popen:
        """The stage's command as a process."""
        score = ""
        if "{score}" in stage.words:
            ids = set(Lake.open(self.lake).read("scores", ["score_id"])["score_id"].to_pylist())
            (score,) = (i for i in ids if i.startswith("clip:"))
        words = stage.words.format(
            lake=self.lake, out=self.root / "dataset", model=self._model, score=score
        )
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words.split()], cwd=REPOSITORY,
            stdout=subprocess.DEVNULL, stderr=(self.root.parent / "log").open("a"),
            start_new_session=True,
        )  # fmt: skip

    def finish(self, stage: Stage) -> None:
        assert self.start(stage).wait() == 0, (self.root.parent / "log").read_text()[-2000:]

    def files(self) -> dict[Path, int]:
        """When each file was last changed; one may go while they are listed."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
        return found

    def wait_for_change(self, process: subprocess.Popen) -> None:
        before = self.files()
        while process.poll() is None and self.files() == before:
            time.sleep(0.01)

    def rows(self) -> dict[str, list[str]]:
        """Of every table the rows in some order, but for when a page was fetched."""
        lake, found = Lake.open(self.lake), {}
        for name in TABLES:
            table = lake.read(name)
            kept = [c for c in table.column_names if c != "retrieved_at"]
            found[name] = sorted(map(repr, table.select(kept).to_pylist()))
        for path in sorted((self.root / "dataset").rglob("*.parquet")):
            rows = pq.read_table(path).to_pylist()
            found[str(path.relative_to(self.root))] = sorted(map(repr, rows))
        bodies = (self.lake / "pages").rglob("*.body")
        return found | {"pages": sorted(path.name for path in bodies)}

    def size(self) -> int:
        """How many rows and pages there are."""
        return sum(map(len, self.rows().values())) if (self.lake / "lake.json").is_file() else 0

    def sums(self) -> dict[str, Any]:
        """Of every stage what stays the same when it is run in parts: new and known are one."""
        found = {}
        for path in sorted((self.lake / "stages").glob("*.json")):
            sums = json.loads(path.read_text())["sums"]
            known = sums["accepted"] + sum(sums["excluded"].values())
            found[path.stem] = (sums["inputs"], known, sums["rejected"])
        return found

    def check_clean(self) -> None:
        """No temporary file, no shard without a commit, nobody's lock.

        A shard that a later commit replaced stays until the next stage sweeps it away.
        """
        lake = Lake.open(self.lake)
        left = [p for p in self.root.rglob("*") if p.name.startswith(TEMPORARY)]
        assert left == []
        for name in TABLES:
            named = {n for commit in lake.commits() for n in commit["shards"].get(name, [])}
            assert {p.name for p in (self.lake / name).glob("*")} <= named, name
        with lake.lock():
            pass


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every stage run undisturbed: the folder before it, its seconds of work, its rows and sums."""
    root = tmp_path_factory.mktemp("quiet")
    place = Place(root / "now", save("segformer", root / "segformer"))
    place.root.mkdir()
    found: dict[str, Any] = {"model": root / "segformer"}
    for stage in STAGES:
        before = root / stage.name
        shutil.copytree(place.root, before)
        process = place.start(stage)
        place.wait_for_change(process)
        changed_s = time.monotonic()
        assert process.wait() == 0, (root / "log").read_text()[-2000:]
        found[stage.name] = (before, time.monotonic() - changed_s, place.rows(), place.sums())
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_killed_and_run_again(stage: Stage, quiet: dict[str, Any], tmp_path: Path) -> None:
    before, takes_s, expected, sums = quiet[stage.name]
    place = Place(tmp_path / "now", quiet["model"])
    shutil.copytree(before, place.root)
    start = place.size()
    rng = np.random.default_rng([SEED, STAGES.index(stage)])
    killed, left_parts = 0, 0
    for _ in range(stage.kills * TRIES):
        process = place.start(stage)
        place.wait_for_change(process)
        time.sleep(takes_s * rng.random())
        if process.poll() is not None:  # it was faster than the quiet run: once more, from before
            assert process.returncode == 0 and place.rows() == expected
            shutil.rmtree(place.root)
            shutil.copytree(before, place.root)
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed += 1
        left_parts += place.size() > start
        if (place.lake / "lake.json").is_file():  # whatever is there can be read, and is right
            for name, rows in place.rows().items():
                assert set(rows) <= set(expected[name]), name
            assert len(place.rows()["views"]) == len(place.rows()["images"])
        if killed == stage.kills:
            break
    assert killed == stage.kills
    assert left_parts or stage.whole, "no kill left a part of the work: commits are too rare"
    place.finish(stage)
    assert place.rows() == expected
    assert place.sums() == sums
    place.check_clean()
    log(f"{stage.name}: {killed} kills in {takes_s:.1f} s of work, {left_parts} left a part")


def test_twenty_kills() -> None:
    assert sum(stage.kills for stage in STAGES) == 20
