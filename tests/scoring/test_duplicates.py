"""Groups worked out by hand on vectors in the plane, where similarity is the cosine of an angle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from georeasoner.errors import ConfigError, InputError, IntegrityError, UnknownNameError
from georeasoner.lake import Lake
from scoring.duplicates.stage import dedup

KM = 360 / (2 * np.pi * 6371)  # degrees of latitude in one kilometre
# cos 10 deg = 0.985, cos 20 deg = 0.940, cos 2 deg = 0.9994, cos 30 deg = 0.866


def lake_of(
    path: Path,
    *rows: tuple[str, float | None, float, float | None, str],
    phash: dict[str, int] | None = None,
) -> Lake:
    """Rows of (view_id, angle in degrees or None, north in km, locatability, file)."""
    hashes = phash or {}
    lake = Lake.create(path)
    with lake.writing("test", {}) as out:
        for view_id, angle, north_km, locatability, file in rows:
            view = {"view_id": view_id, "lat": north_km * KM, "lon": 0.0, "sha256": file}
            out.add("views", [view])
            if angle is not None:
                vector = [float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))]
                row = {"view_id": view_id, "model": "m@1", "vector": np.float16(vector)}
                out.add("embeddings", [row])
            if angle is not None or view_id in hashes:
                score = {
                    "score_id": "clip:m@1:w", "view_id": view_id, "locatability": locatability,
                    "phash": hashes.get(view_id),
                }  # fmt: skip
                out.add("scores", [score])
            out.accept(view_id)
    return lake


def groups(lake: Lake) -> dict[str, tuple[str, bool, str]]:
    """view_id to (group_id, keep, reason)."""
    rows: list[dict[str, Any]] = lake.read("duplicates").to_pylist()
    return {r["view_id"]: (r["group_id"], r["keep"], r["reason"]) for r in rows}


def test_the_most_locatable_is_kept(tmp_path: Path) -> None:
    lake = lake_of(
        tmp_path / "lake",
        ("a", 0, 0, 0.3, "1"),
        ("b", 10, 0.5, 0.7, "2"),  # 10 degrees and 500 m from a
        ("c", 90, 0, 0.9, "3"),  # unlike all
        ("d", 25, 3, 0.9, "4"),  # 15 degrees from b (0.966), but 2.5 km away
        ("e", 200, 0, None, "5"),  # no locatability; alone
        ("f", None, 0, None, "6"),  # never embedded
    )
    sums = dedup(lake)
    assert groups(lake) == {"b": ("b", True, "kept"), "a": ("b", False, "embedding")}
    row = next(r for r in lake.read("duplicates").to_pylist() if r["view_id"] == "a")
    assert row["similarity"] == pytest.approx(np.cos(np.radians(10)), abs=1e-3)
    assert (sums.accepted, dict(sums.excluded)) == (5, {"no_embedding": 1})
    assert sums.notes["groups"] == 1 and sums.notes["dropped"] == 1


def test_a_chain_does_not_join_unlike_ends(tmp_path: Path) -> None:
    """0, 15, 30, 45 degrees: neighbours are alike (0.966), others (cos 30 = 0.866) are not."""
    angles = {"a": 0, "b": 15, "c": 30, "d": 45}
    rows = [(v, angle, 0.0, 0.9 - angle / 100, v) for v, angle in angles.items()]
    lake = lake_of(tmp_path / "lake", *rows)
    dedup(lake)
    assert groups(lake) == {
        "a": ("a", True, "kept"), "b": ("a", False, "embedding"),
        "c": ("c", True, "kept"), "d": ("c", False, "embedding"),
    }  # fmt: skip


def test_the_same_picture_far_away_is_a_conflict(tmp_path: Path) -> None:
    lake = lake_of(
        tmp_path / "lake",
        ("a", 0, 0, 0.5, "1"),
        ("b", 0, 50, 0.5, "1"),  # the very file of a, 50 km away
        ("c", 2, 700, 0.4, "2"),  # 0.9994 like a: the same picture, re-encoded
        ("d", 120, 0, 0.4, "3"),
        ("e", None, 0, None, "3"),  # d's file, not embedded
    )
    sums = dedup(lake)
    assert groups(lake) == {
        "a": ("a", True, "kept"),
        "b": ("a", False, "exact_conflicting_geotag"),
        "c": ("a", False, "embedding_conflicting_geotag"),
        "d": ("d", True, "kept"),
        "e": ("d", False, "exact"),
    }
    assert sums.notes["conflicting_geotags"] == 2
    dedup(lake, far_threshold=1.1)  # now c is another picture
    assert set(groups(lake)) == {"a", "b", "d", "e"}


def test_hashes_find_what_the_embedding_misses(tmp_path: Path) -> None:
    rows = (
        ("a", 0, 0.0, 0.9, "1"),
        ("b", 30, 0.5, 0.8, "2"),  # 0.866 like a, its hash 10 bits away: recompressed
        ("c", 30, 0.5, 0.7, "3"),  # 11 bits from a, but the very look of b: b is not kept
        ("d", 0, 40.0, 0.6, "4"),  # the look of a elsewhere: its hash says nothing more
        ("e", 60, 0.0, 0.5, "5"),  # a's hash on another picture (0.5): both flat
        ("f", 31, 9.0, 0.4, "6"),  # b's hash, 8.5 km away, and 0.9998 like c
    )
    phash = {"a": 0, "b": 2**10 - 1, "c": 2**11 - 1, "d": 0, "e": 0, "f": 2**10 - 1}
    lake = lake_of(tmp_path / "lake", *rows, phash=phash)
    dedup(lake)
    assert groups(lake) == {
        "a": ("a", True, "kept"),
        "b": ("a", False, "perceptual"),
        "d": ("a", False, "embedding_conflicting_geotag"),
        "c": ("c", True, "kept"),
        "f": ("c", False, "embedding_conflicting_geotag"),
    }
    found = {r["view_id"]: r["hash_distance"] for r in lake.read("duplicates").to_pylist()}
    assert found == {"a": 0, "b": 10, "d": 0, "c": 0, "f": 1}
    dedup(lake, hash_bits=9)
    assert groups(lake)["b"] == ("b", True, "kept")
    dedup(lake, hash_bits=None)
    assert groups(lake)["c"] == ("b", False, "embedding")


def test_a_lake_without_embeddings_is_compared_by_hashes(tmp_path: Path) -> None:
    """Half the bits of c differ; d is far away; e has neither; f is the file of a, far away."""
    rows = [("a", None, 0.0, 0.2, "1"), ("b", None, 0.9, 0.7, "2"), ("c", None, 0.0, 0.3, "3")]
    rows += [("d", None, 5.0, 0.1, "4"), ("e", None, 0.0, None, "5"), ("f", None, 70.0, 0.1, "1")]
    phash = {"a": -1, "b": -2, "c": 2**32 - 1, "d": -1, "f": -1}
    lake = lake_of(tmp_path / "lake", *rows, phash=phash)
    sums = dedup(lake)
    assert groups(lake) == {
        "b": ("b", True, "kept"), "a": ("b", False, "perceptual"),
        "f": ("b", False, "perceptual_conflicting_geotag"),
    }  # fmt: skip
    assert (sums.accepted, dict(sums.excluded)) == (5, {"no_embedding": 1})
    row = next(r for r in lake.read("duplicates").to_pylist() if r["view_id"] == "a")
    assert row["similarity"] is None and row["hash_distance"] == 1
    with pytest.raises(InputError, match="no embedding model"):
        dedup(lake, hash_bits=None)


def test_a_killed_run_leaves_its_work_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.duplicates import groups as grouping

    rng = np.random.default_rng(3)
    rows = [
        (f"v{n}", float(a), 0.0, float(n % 7), str(n))
        for n, a in enumerate(rng.uniform(0, 360, 90))
    ]
    lake, other = (lake_of(tmp_path / name, *rows) for name in ("one", "two"))
    dedup(other, method="ivf")
    monkeypatch.setattr(grouping, "STEP", 20)
    settle = grouping._Grouping.settle

    def dies(self: Any, start: int, end: int) -> None:
        if start == 60:
            raise KeyboardInterrupt
        settle(self, start, end)

    monkeypatch.setattr(grouping._Grouping, "settle", dies)
    with pytest.raises(KeyboardInterrupt):
        dedup(lake, method="ivf")
    left = sorted(p.name for p in (lake.root / "work" / "dedup").glob("*/*"))
    assert left == [
        *(f"leaders-00000000{n}.npz" for n in ("00", "20", "40")),
        "norms.npz",
        "vectors.f16",
    ]
    assert groups(lake) == {}  # nothing half-written
    settled: list[int] = []

    def counts(self: Any, start: int, end: int) -> None:
        settled.append(start)
        settle(self, start, end)

    monkeypatch.setattr(grouping._Grouping, "settle", counts)
    dedup(lake, method="ivf")
    assert settled == [60, 80]
    assert lake.read("duplicates").equals(other.read("duplicates")) and len(groups(lake)) > 80
    assert not (lake.root / "work").exists()


def test_work_of_other_settings_is_not_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.duplicates import stage as duplicates

    lake = lake_of(tmp_path / "lake", ("a", 0, 0, 0.5, "1"), ("b", 15, 0, 0.6, "2"))

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(duplicates, "duplicate_rows", dies)
        dedup(lake)  # 0.966: one group, which is in the work that is left
    assert len(list((lake.root / "work" / "dedup").iterdir())) == 1
    dedup(lake, threshold=0.99)
    assert groups(lake) == {} and not (lake.root / "work").exists()


def test_vectors_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", ("a", 0, 0, 0.5, "1"))
    for n, (vector, why) in enumerate(
        [([0.0, 0.0], "the vector of view x0 by m@1 has no direction"), ([1.0], "differ in length")]
    ):
        copy = tmp_path / str(n)
        shutil.copytree(lake.root, copy)
        broken = Lake.open(copy)
        with broken.writing("more", {}) as out:
            out.add("views", [{"view_id": f"x{n}", "sha256": f"x{n}"}])
            row = {"view_id": f"x{n}", "model": "m@1", "vector": np.float16(vector)}
            out.add("embeddings", [row])
            out.accept(f"x{n}")
        with pytest.raises(IntegrityError, match=why):
            dedup(broken)


def test_found_like_an_exhaustive_comparison(tmp_path: Path) -> None:
    """300 views in 60 planted groups of 5 around random directions: the groups come back."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 64))
    vectors = np.repeat(centres, 5, axis=0) + rng.normal(size=(300, 64)) * 0.02
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("test", {}) as out:
        for n in rng.permutation(300):
            vector = (vectors[n] / np.linalg.norm(vectors[n])).astype(np.float16)
            view = {"view_id": f"{n:03d}", "lat": 0.0, "lon": 0.0, "sha256": str(n)}
            score = {"score_id": "s", "view_id": f"{n:03d}", "locatability": float(n % 5)}
            out.add("views", [view])
            out.add("embeddings", [{"view_id": f"{n:03d}", "model": "m@1", "vector": vector}])
            out.add("scores", [score])
            out.accept(f"{n:03d}")
    dedup(lake)
    found = groups(lake)
    assert len(found) == 300
    for view_id, (group_id, keep, _) in found.items():
        n = int(view_id)
        assert int(group_id) == n // 5 * 5 + 4  # the best of five is the one with n % 5 = 4
        assert keep == (n % 5 == 4)


def test_current_results_are_left_alone(tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "lake", ("a", 0, 0, 0.5, "1"), ("b", 1, 0, 0.6, "2"))
    sums = dedup(lake)
    before = lake.state("duplicates")
    again = dedup(lake)
    assert lake.state("duplicates") == before and again == sums
    dedup(lake, threshold=0.99999)
    assert lake.state("duplicates") != before and groups(lake) == {}


def test_mistakes_are_named(tmp_path: Path) -> None:
    bare = Lake.create(tmp_path / "bare")
    with pytest.raises(InputError, match="no embedding model; run `score --scorer clip` first"):
        dedup(bare)
    lake = lake_of(tmp_path / "lake", ("a", 0, 0, 0.5, "1"))
    with pytest.raises(UnknownNameError, match=r"no score 'clip:m@2:w'.*did you mean clip:m@1:w"):
        dedup(lake, scores="clip:m@2:w")
    assert dedup(lake, model="m").accepted == 1  # the revision may be left out
    with pytest.raises(ConfigError, match=r"threshold 1\.5"):
        dedup(lake, threshold=1.5)
    with pytest.raises(ConfigError, match="near_km -1"):
        dedup(lake, near_km=-1)
    with pytest.raises(UnknownNameError, match="method 'faiss'; expected one of auto, flat"):
        dedup(lake, method="faiss")
