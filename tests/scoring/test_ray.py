"""The stage on a Ray cluster of two nodes, which are two sets of processes on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray_scorers import jpeg  # and so the scorers of that file are registered

from georeasoner.config import REPOSITORY
from georeasoner.errors import ClusterError, ConfigError, ModelError
from georeasoner.lake import Lake
from scoring.stage import score

pytest.importorskip("ray.data", reason="Ray is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one CPU each; the first one stays."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    paths = (str(Path(__file__).parent), str(REPOSITORY), os.environ.get("PYTHONPATH", ""))
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join(paths))  # of the workers
    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster
    cluster.shutdown()
    patch.undo()


def fill(path: Path, pictures: dict[str, bytes | None], per_shard: int = 7) -> Lake:
    """Views with pictures, in shards of a few, a clue, and one view that was taken down."""
    lake = Lake.create(path)
    ids = list(pictures)
    for at in range(0, len(ids), per_shard):
        with lake.writing("fill", {}) as out:
            for view_id in ids[at : at + per_shard]:
                out.add("views", [{"view_id": view_id, "synthetic": True}])
                if (data := pictures[view_id]) is not None:
                    out.add("images", [{"view_id": view_id, "bytes": data}])
                out.accept(view_id)
    with lake.writing("remove", {}) as out:
        out.add("removals", [{"view_id": ids[2]}])
        out.add("clues", [{"clue_id": "c", "text": "red soil", "category": "soil"}])
        out.accept()
    return lake


def table(lake: Lake, name: str) -> list[dict]:
    return sorted(
        lake.read(name).to_pylist(),
        key=lambda r: (r.get("score_id") or "", r.get("view_id") or r["input_id"]),
    )


def assert_same_rows(one: Lake, other: Lake) -> None:
    """To 1e-4, no row lost and none doubled; and nothing on disk that no commit names."""
    assert table(one, "rejects") == table(other, "rejects")
    for name in ("scores", "embeddings"):
        assert one.count(name) == other.count(name)
        for a, b in zip(table(one, name), table(other, name), strict=True):
            assert a.keys() == b.keys() and a["view_id"] == b["view_id"]
            assert a.get("phash") == b.get("phash") and a.get("score_id") == b.get("score_id")
            for column in ("locatability", "class_shares", "vector"):
                if (value := a.get(column)) is not None:
                    np.testing.assert_allclose(value, b[column], atol=1e-4)
            clues = [[c["clue_id"] for c in r.get("top_clues") or []] for r in (a, b)]
            assert clues[0] == clues[1]
        folder = other.root / name
        assert set(folder.glob("*")) == set(other.shards(name))


def pair(tmp_path: Path, pictures: dict[str, bytes | None]) -> tuple[Lake, Lake]:
    one = fill(tmp_path / "local", pictures)
    shutil.copytree(one.root, tmp_path / "ray")
    return one, Lake.open(tmp_path / "ray")


def numbered(count: int) -> dict[str, bytes | None]:
    """Views v000 ..., every ninth of them without a number."""
    return {(f"v{n:03d}" if n % 9 else f"bad{n:03d}"): None for n in range(count)}


def test_a_killed_worker_and_still_the_rows_of_the_local_engine(
    cluster: Any, tmp_path: Path, open_clip_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    pictures = {f"v{n:02d}": jpeg(n) if n % 6 else b"broken" for n in range(40)}
    pictures["none"] = None
    here, there = pair(tmp_path, pictures)
    model, marks = tmp_path / open_clip_folder.name, tmp_path / "marks"
    shutil.copytree(open_clip_folder, model)
    marks.mkdir()
    (marks / "kill-v21").touch()
    how = {"scorer": "mortal", "model": str(model), "batch_size": 4}
    local = score(here, **how)
    spread = score(there, **how, engine="ray", ray_address=cluster.address)
    assert not (marks / "kill-v21").exists() and len(list(marks.glob("node-*"))) == 2
    assert spread.sums.as_dict() == local.sums.as_dict()
    # 41 views less the removed v02: v00, v06 ... v36 are broken, and one has no picture
    assert (spread.sums.accepted, dict(spread.sums.rejected)) == (
        32, {"not_an_image": 7, "image_missing": 1},
    )  # fmt: skip
    assert_same_rows(here, there)
    written = capsys.readouterr()
    assert written.out == "" and "ray: 2 worker(s) with 1 CPU(s) each on 2 node(s)" in written.err


@pytest.mark.slow
def test_two_killed_workers_that_run_out_of_memory(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    here, there = pair(tmp_path, numbered(60))
    marks = tmp_path / "marks"
    marks.mkdir()
    local = score(here, scorer="ray-test", model=str(marks), batch_size=4)
    (marks / "memory").touch()  # halves batches of 4 in the workers
    for view_id in ("v005", "v040"):
        (marks / f"kill-{view_id}").touch()
    capsys.readouterr()
    spread = score(there, scorer="ray-test", model=str(marks), batch_size=4, engine="ray",
                   ray_address=cluster.address)  # fmt: skip
    assert not list(marks.glob("kill-*"))  # both died
    assert len(list(marks.glob("node-*"))) == 2  # and both nodes worked
    assert spread.sums.as_dict() == local.sums.as_dict()
    assert_same_rows(here, there)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_lost_node_loses_no_row(cluster: Any, tmp_path: Path) -> None:
    here, there = pair(tmp_path, numbered(90))
    marks = tmp_path / "marks"
    marks.mkdir()
    local = score(here, scorer="ray-test", model=str(marks), batch_size=4)
    (marks / "slow").touch()
    third = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    lost = threading.Event()

    def lose() -> None:
        while not (marks / f"node-{third.node_id}").exists():
            time.sleep(0.05)
        cluster.remove_node(third, allow_graceful=False)
        lost.set()

    watcher = threading.Thread(target=lose, daemon=True)
    watcher.start()
    spread = score(there, scorer="ray-test", model=str(marks), batch_size=4, engine="ray",
                   ray_address=cluster.address)  # fmt: skip
    assert lost.is_set()
    assert spread.sums.as_dict() == local.sums.as_dict()
    assert_same_rows(here, there)


@pytest.mark.slow
def test_errors_keep_their_line_and_both_engines_go_on(cluster: Any, tmp_path: Path) -> None:
    here, there = pair(tmp_path, numbered(60))
    marks = tmp_path / "marks"
    marks.mkdir()
    score(here, scorer="ray-test", model=str(marks), batch_size=4)

    def run(**how: Any) -> Any:
        return score(there, scorer="ray-test", model=str(marks), batch_size=4, **how)

    ray = {"engine": "ray", "ray_address": cluster.address}
    (marks / "nan-v050").touch()
    with pytest.raises(ModelError, match=r"^fragile@1 gives NaN or infinity for view v050;"):
        run(**ray)
    (marks / "nan-v050").unlink()
    (marks / "poison-v050").touch()
    with pytest.raises(ClusterError, match="4 workers died one after the other over views v0"):
        run(**ray)
    half = there.count("scores")
    assert 0 < half < here.count("scores")  # what was done is kept
    assert run().sums.excluded["scored_before"] == half  # the local engine does the rest
    assert_same_rows(here, there)
    shutil.rmtree(there.root / "scores")  # and the other way round: 20 by the local engine
    (marks / "nan-v023").touch()
    with pytest.raises(ModelError, match="v023"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("georeasoner.lake.writer.COMMIT_ROWS", 8)
        run()
    (marks / "nan-v023").unlink()
    (marks / "poison-v050").unlink()
    assert 0 < there.count("scores") < 22
    run(**ray)
    assert_same_rows(here, there)


@pytest.mark.slow
def test_the_command_alone_on_this_machine(tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}  # Ray's token

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "georeasoner", *map(str, words)]
        return subprocess.run(command, env=home, check=True, capture_output=True, text=True)

    here, there = tmp_path / "here", tmp_path / "there"
    run("ingest", "clueworld:60", "--lake", here)
    shutil.copytree(here, there)
    for scorer in ("clip", "oracle"):
        run("score", here, "--scorer", scorer)
        done = run("score", there, "--scorer", scorer, "--engine", "ray")
        assert done.stdout == "" and "on 1 node(s)" in done.stderr
    assert_same_rows(Lake.open(here), Lake.open(there))


def test_what_cannot_be_joined_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = fill(tmp_path / "lake", numbered(5))
    how = {"scorer": "ray-test", "model": str(tmp_path)}
    with pytest.raises(ConfigError, match="--ray-address auto with the local engine"):
        score(lake, ray_address="auto", **how)
    with pytest.raises(ClusterError, match=r"no Ray cluster at 127.0.0.1:9: .*refused"):
        score(lake, engine="ray", ray_address="127.0.0.1:9", **how)
    with pytest.raises(ConfigError, match=r"Ray Data runs on a machine of the cluster"):
        score(lake, engine="ray", ray_address="ray://127.0.0.1:10001", **how)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ConfigError, match=r"--engine ray without Ray .*\.\[ray\]"):
        score(lake, engine="ray", **how)
