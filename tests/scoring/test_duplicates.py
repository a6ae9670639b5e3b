"""Groups worked out by hand on vectors in the plane, where similarity is the cosine of an angle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from georeasoner.errors import ConfigError, InputError, UnknownNameError
from georeasoner.lake import Lake
from scoring.duplicates import dedup

KM = 360 / (2 * np.pi * 6371)  # degrees of latitude in one kilometre
# cos 10 deg = 0.985, cos 20 deg = 0.940, cos 2 deg = 0.9994, cos 30 deg = 0.866


def lake_of(path: Path, *rows: tuple[str, float | None, float, float | None, str]) -> Lake:
    """Rows of (view_id, angle in degrees or None, north in km, locatability, file)."""
    lake = Lake.create(path)
    with lake.writing("test", {}) as out:
        for view_id, angle, north_km, locatability, file in rows:
            view = {"view_id": view_id, "lat": north_km * KM, "lon": 0.0, "sha256": file}
            out.add("views", [view])
            if angle is not None:
                vector = [float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))]
                row = {"view_id": view_id, "model": "m@1", "vector": np.float16(vector)}
                out.add("embeddings", [row])
                score = {"score_id": "clip:m@1:w", "view_id": view_id, "locatability": locatability}
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
    with pytest.raises(InputError, match="no embedding model; run `score` first"):
        dedup(bare)
    lake = lake_of(tmp_path / "lake", ("a", 0, 0, 0.5, "1"))
    with pytest.raises(UnknownNameError, match=r"no score 'clip:m@2:w'.*did you mean clip:m@1:w"):
        dedup(lake, scores="clip:m@2:w")
    assert dedup(lake, model="m").accepted == 1  # the revision may be left out
    with pytest.raises(ConfigError, match=r"threshold 1\.5"):
        dedup(lake, threshold=1.5)
    with pytest.raises(ConfigError, match="near_km -1"):
        dedup(lake, near_km=-1)
