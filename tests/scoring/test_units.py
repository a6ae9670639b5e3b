"""Units of work and the plan of a cluster, without a cluster."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ray_scorers import jpeg

from georeasoner.errors import ClusterError, ConfigError, LakeError, ModelError
from georeasoner.lake import KeySet, Lake
from georeasoner.registry import get
from scoring.locatability import published_weights
from scoring.ray_engine import Pool, plan
from scoring.scored import Setup
from scoring.units import Job, Worker, code_sha256, cut, unit_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Views v0 ... v9 in shards of 4, 4 and 2, of which v1 and v4 are removed; v6 is no picture."""
    lake = Lake.create(tmp_path / "lake")
    for ids in (range(4), range(4, 8), range(8, 10)):
        with lake.writing("fill", {}) as out:
            for n in ids:
                out.add("views", [{"view_id": f"v{n}", "synthetic": True}])
                data = jpeg(n) if n != 6 else b"no picture"
                out.add("images", [{"view_id": f"v{n}", "bytes": data}])
                out.accept(f"v{n}")
    with lake.writing("remove", {}) as out:
        out.add("removals", [{"view_id": "v1"}, {"view_id": "v4"}])
        out.accept()
    return lake


@pytest.fixture
def job(lake: Lake, open_clip_folder: Path) -> Job:
    setup = Setup(str(open_clip_folder), published_weights(), device="cpu")
    make = get("scorer", "clip")
    model_id = make(setup).model_id
    return Job("score", lake.root, make, setup, "s", model_id, 2, code_sha256())


LEFT = ["v0", "v2", "v3", "v5", "v6", "v7", "v8", "v9"]


@pytest.mark.parametrize("start", range(9))
def test_a_table_is_read_from_any_row_on(lake: Lake, start: int) -> None:
    rows = [
        i for b in lake.batches("images", ["view_id"], 3, start) for i in b["view_id"].to_pylist()
    ]
    assert rows == LEFT[start:]
    whole = [
        i for b in lake.batches("removals", ["view_id"], 1, 1) for i in b["view_id"].to_pylist()
    ]
    assert whole == ["v4"]


def test_units_are_whole_batches() -> None:
    ids = [f"v{n}" for n in range(7)]
    known = KeySet([("v0", "m"), ("v5", "m"), ("v6", "other")])
    first, second = cut(ids, KeySet(["v0", "v3"]), known, "m", batch_size=2, unit_rows=4)
    assert (first.start, second.start) == (0, 4)
    assert first.wanted.tolist() == [False, True, True, False]
    assert second.wanted.tolist() == [True, True, True]
    assert (first.embedded, second.embedded) == (frozenset(), {"v5"})
    assert (second.first, second.last) == ("v4", "v6")


def test_unit_rows_by_hand() -> None:
    # 100 views are 4 batches of 32; two workers would get 8 units, so a unit is one batch
    assert unit_rows(100, 32, workers=2) == 32
    # 3,200 views are 100 batches; 100 / (4 x 2) = 12.5, so 13 batches
    assert unit_rows(3200, 32, workers=2) == 13 * 32
    assert unit_rows(10**6, 32, workers=2) == 2048
    assert unit_rows(10, 5000, workers=1) == 5000


def test_a_worker_gives_the_rows_of_the_local_engine(lake: Lake, job: Job) -> None:
    from scoring.stage import score

    worker = Worker(job, "node")
    units = list(cut(LEFT, KeySet(["v2"]), KeySet([("v9", job.model_id)]), job.model_id, 2, 4))
    done = [pickle.loads(pickle.dumps(worker.run(pickle.loads(pickle.dumps(u))))) for u in units]
    assert [d.start for d in done] == [0, 4]
    assert [d.accepted for d in done] == [["v0", "v3", "v5"], ["v7", "v8", "v9"]]
    assert [(i, why.reason) for i, why in done[1].refused] == [("v6", "not_an_image")]
    assert lake.count("scores") == 0  # nothing counts before it is committed
    with lake.lock():
        number = lake.commits()[-1]["number"]
        for at, d in enumerate(done, 1):
            lake.write_commit(number + at, "score", d.shards, [])
    found = {r["view_id"]: r for r in lake.read("scores").to_pylist()}
    vectors = {r["view_id"]: r["vector"] for r in lake.read("embeddings").to_pylist()}
    assert set(vectors) == set(found) - {"v9"} == {"v0", "v3", "v5", "v7", "v8"}
    score(lake, model=job.setup.model, batch_size=2)  # another score_id: all of them again
    for row in lake.read("scores").to_pylist():
        if row["score_id"] != "s" and row["view_id"] in found:
            mine = found[row["view_id"]]
            assert row["locatability"] == pytest.approx(mine["locatability"], abs=1e-6)
            np.testing.assert_allclose(row["class_shares"], mine["class_shares"], atol=1e-6)


def test_a_worker_refuses_what_is_not_the_same(lake: Lake, job: Job, tmp_path: Path) -> None:
    (unit,) = cut(LEFT, KeySet(), KeySet(), job.model_id, 2, 8)
    with pytest.raises(LakeError, match=r"node 7 does not see the lake .*shared file system"):
        Worker(replace(job, root=tmp_path / "none"), "node 7").run(unit)
    with pytest.raises(LakeError, match="node 7 reads other rows"):
        Worker(job, "node 7").run(replace(unit, start=1))
    with pytest.raises(ModelError, match=r"node 7 finds geo-tiny-vit@.* expected other@1"):
        Worker(replace(job, model_id="other@1"), "node 7").run(unit)
    with pytest.raises(
        ClusterError, match=r"node 7 has other code .*expected 0\.0; install the same"
    ):
        Worker(replace(job, code="0.0"), "node 7").run(unit)


def test_a_unit_is_not_begun_for_ever(lake: Lake, job: Job) -> None:
    (unit,) = cut(LEFT, KeySet(), KeySet(), job.model_id, 2, 8)
    dies = replace(job, model_id="other@1")
    for _ in range(4):
        with pytest.raises(ModelError):
            Worker(dies, "node").run(unit)
    with pytest.raises(
        ClusterError, match="4 workers died one after the other over views v0 to v9"
    ):
        Worker(dies, "node").run(unit)
    with lake.lock():
        lake.sweep()
    Worker(job, "node").run(unit)  # the next run counts anew


def test_actors_by_hand() -> None:
    head = {"CPU": 0.0, "memory": 1.0}
    assert plan([{"CPU": 2.0}], None) == Pool(1, 2, 0)
    assert plan([{"CPU": 1.0}, {"CPU": 1.0}], None) == Pool(2, 1, 0)
    # 16 // 4 + 9 // 4
    assert plan([head, {"CPU": 16.0}, {"CPU": 9.0}], "cpu") == Pool(6, 4, 0)
    gpus = [head, {"CPU": 64.0, "GPU": 8.0}, {"CPU": 12.0, "GPU": 2.0}]
    assert plan(gpus, None) == plan(gpus, "all") == Pool(10, 6, 1)  # min(64 // 8, 12 // 2) CPUs
    assert plan(gpus, "cpu") == Pool(64 // 4 + 12 // 4, 4, 0)
    with pytest.raises(ConfigError, match="--device all; expected a cluster with GPUs"):
        plan([{"CPU": 2.0}], "all")
    with pytest.raises(ConfigError, match="--device cuda:1 with --engine ray"):
        plan(gpus, "cuda:1")
    with pytest.raises(ClusterError, match="no node of the cluster has a CPU"):
        plan([head], None)
