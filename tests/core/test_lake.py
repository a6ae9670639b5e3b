"""The lake: nothing half-written counts, nothing is doubled, the sums add up."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from georeasoner.errors import InputError, IntegrityError, LakeError, LakeLockedError
from georeasoner.lake import KeySet, Lake
from georeasoner.lake.maintain import compact, remove


def write_views(lake: Lake, ids: list[str], stage: str = "ingest", size: int = 1) -> None:
    with lake.writing(stage, {"ids": ids}) as out:
        present = lake.keys("views")
        for view_id in ids:
            if view_id in present:
                out.exclude("already_present")
                continue
            out.add("images", [{"view_id": view_id, "bytes": b"x" * size}])
            out.add("views", [{"view_id": view_id, "lat": 1.0, "lon": 2.0}])
            out.accept(view_id)


def test_rows_arrive_once(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    write_views(lake, ["a", "b"])
    write_views(lake, ["b", "c"])
    assert sorted(lake.read("views")["view_id"].to_pylist()) == ["a", "b", "c"]
    assert lake.last_run("ingest")["sums"] == {
        "inputs": 2,
        "accepted": 1,
        "excluded": {"already_present": 1},
        "rejected": {},
        "notes": {},
    }


def test_a_run_that_dies_keeps_whole_commits_only(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    with pytest.raises(RuntimeError), lake.writing("ingest", {}) as out:
        for n in range(3):
            out.add("images", [{"view_id": str(n), "bytes": b"x" * (40 << 20)}])
            out.add("views", [{"view_id": str(n)}])
            out.accept()
        raise RuntimeError("killed")
    # 64 MiB are pending after the second input: it and the first are committed, the third is lost
    assert lake.count("views") == lake.count("images") == 2
    assert lake.last_run("ingest") is None
    orphan = tmp_path / "lake" / "views" / "orphan.parquet"
    orphan.write_bytes(b"half")
    assert lake.count("views") == 2
    write_views(lake, ["0", "1", "2"])
    assert not orphan.exists()
    assert lake.count("views") == lake.count("images") == 3


def test_a_slow_run_commits_as_time_goes(tmp_path, monkeypatch):
    """A few rows that took half a minute are kept, and only between inputs."""
    lake, clock = Lake.create(tmp_path / "lake"), iter([0.0, 10.0, 31.0, 31.0, 40.0])
    monkeypatch.setattr("georeasoner.lake.writer.time.monotonic", lambda: next(clock))
    with pytest.raises(RuntimeError), lake.writing("ingest", {}) as out:  # 0 s
        for n in range(3):  # decided at 10, 31 (and written then) and 40 s
            out.add("images", [{"view_id": str(n), "bytes": b"x"}])
            out.add("views", [{"view_id": str(n)}])
            out.accept()
            assert lake.count("views") == lake.count("images") == (0, 2, 2)[n]
        raise RuntimeError("killed")
    assert lake.count("views") == lake.count("images") == 2


def test_whole_tables_are_swapped(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    for ids in (["a", "b"], ["c"]):
        with lake.writing("dedup", {}, whole=["duplicates"]) as out:
            out.add("duplicates", [{"view_id": i, "group_id": "g"} for i in ids])
            out.accept(count=len(ids))
    assert lake.read("duplicates")["view_id"].to_pylist() == ["c"]
    with pytest.raises(RuntimeError), lake.writing("dedup", {}, whole=["duplicates"]) as out:
        out.add("duplicates", [{"view_id": "d", "group_id": "g"}])
        raise RuntimeError("killed")
    assert lake.read("duplicates")["view_id"].to_pylist() == ["c"]


def test_rejects_are_not_doubled_and_are_lifted(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    for _ in range(2):
        with lake.writing("ingest", {}) as out:
            out.reject("a.jpg", "unreadable")
            out.reject("b.jpg", "unreadable")
    assert sorted(lake.read("rejects")["input_id"].to_pylist()) == ["a.jpg", "b.jpg"]
    with lake.writing("ingest", {}) as out:
        out.accept("a.jpg")
    assert lake.read("rejects")["input_id"].to_pylist() == ["b.jpg"]


def test_removed_views_are_left_out_everywhere(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    write_views(lake, ["a", "b"])
    with lake.writing("remove", {}) as out:
        out.add("removals", [{"view_id": "a", "why": "asked"}])
        out.accept()
    assert lake.read("views", ["lat"]).num_rows == lake.count("images") == 1
    rows = lake.connect().execute("SELECT view_id FROM views").fetchall()
    assert rows == [("b",)]


def test_every_table_is_a_view_with_its_columns(tmp_path):
    connection = Lake.create(tmp_path / "lake").connect()
    for name, columns in {"scores": 9, "views": 22, "clues": 16}.items():
        description = connection.execute(f"DESCRIBE {name}").fetchall()
        assert len(description) == columns
        assert connection.execute(f"SELECT * FROM {name}").fetchall() == []


def test_a_deleted_table_is_empty_and_can_be_made_again(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    write_views(lake, ["a"])
    for name in ("views", "images"):
        for path in (lake.root / name).iterdir():
            path.unlink()
        (lake.root / name).rmdir()
    assert lake.count("views") == 0
    write_views(lake, ["a"])
    assert lake.count("views") == lake.count("images") == 1


def test_a_lost_shard_is_no_silent_loss(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    write_views(lake, ["a"])
    lake.shards("views")[0].unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        lake.count("views")


def test_one_writer_at_a_time(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    with lake.lock(), pytest.raises(LakeLockedError, match="another process"):
        write_views(Lake.open(lake.root), ["a"])


def test_other_formats_and_folders_are_refused(tmp_path):
    with pytest.raises(LakeError, match=r"no lake\.json"):
        Lake.open(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LakeError, match="other files"):
        Lake.create(tmp_path)
    (tmp_path / "lake.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(LakeError, match="format 99"):
        Lake.open(tmp_path)


def test_unknown_columns_are_a_bug(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    with pytest.raises(IntegrityError, match="colour"), lake.writing("ingest", {}) as out:
        out.add("views", [{"view_id": "a", "colour": "red"}])


def test_state_changes_with_the_rows(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    before = lake.state("views")
    write_views(lake, ["a"])
    assert lake.state("views") != before
    assert lake.is_current("ingest", {"ids": ["a"]}, None)
    assert not lake.is_current("ingest", {"ids": ["b"]}, None)


def test_key_set():
    keys = KeySet(["a", ("b", "c")])
    assert "a" in keys and ("b", "c") in keys and "b" not in keys
    keys.add("b")
    assert "b" in keys and len(keys) == 3


def test_remove_and_compact(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    for view_id in "abc":
        write_views(lake, [view_id])
    with pytest.raises(InputError, match="no view z"):
        remove(lake, ["a", "z"], "asked")
    assert lake.count("views") == 3
    remove(lake, ["a"], "asked")
    assert remove(lake, ["a"], "asked").excluded == {"already_removed": 1}
    assert compact(lake)["views"] == (3, 1)
    stored = pq.read_table(lake.shards("views")[0])["view_id"].to_pylist()
    assert sorted(stored) == ["b", "c"]
    assert len(list((lake.root / "images").iterdir())) == 1
    # a removed view that comes in again stays out
    write_views(lake, ["a"])
    assert lake.count("views") == 2
