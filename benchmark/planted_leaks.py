"""How well the audit finds leaks that were put there: ClueWorld with known ones in, counts out.

A lake and a held-out benchmark are drawn; the benchmark gets some views that leak from the lake
in one way each, and decoys that come close. Every overlap found is then checked against what is
known of the two views, and everything that was planted against what was found.
Larger than in the tests: `python -m benchmark.planted_leaks FOLDER 2000 500`.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmark.task import Task, load_views
from builders.audit import Settings, audit
from builders.audit.overlaps import Limits
from georeasoner.clueworld import Scene, World
from georeasoner.geodesy import destination, haversine_km
from georeasoner.lake import Lake
from georeasoner.lake.files import write_json
from georeasoner.progress import log

PLANTS = (
    "same_id", "same_file", "same_picture", "same_phash", "same_sequence", "same_place",
    "same_author", "decoy_place", "decoy_author",
)  # fmt: skip
# Drawn scenes look alike all over the world: the cosines of the quickstart's `dedup`.
LIMITS = Limits(threshold=0.8, near_km=0.05, far_threshold=1.01)
_OF_A_PICTURE = ("same_file", "same_picture", "same_phash")
Row = dict[str, Any]
Draw = Callable[[float, float], float]


@dataclass(frozen=True)
class Score:
    """Of one kind: what was planted and found, and the benchmark's views wrongly accused."""

    planted: int
    found: int
    false_pairs: int  # of those listed: one per view concerned
    false_views: int  # of the benchmark


def plant(root: Path, views: int, held_out: int, each: int, seed: int = 0) -> tuple[Lake, Lake]:
    """Draw a lake, and a benchmark with `each` leaks and decoys of every kind.

    Unbroken scenes only. `root/planted.json` has what was planted.
    """
    rng = np.random.default_rng([seed, 7])
    mine = list(_scenes(views, seed, "build"))
    theirs = list(_scenes(held_out, seed, "heldout"))
    victims = rng.permutation(len(mine))[: each * len(PLANTS)]
    guests = rng.permutation(len(theirs))[: each * len(PLANTS)]
    lake_rows = [_row(scene, _author(scene)) for scene in mine]
    rows = [_row(scene, None) for scene in theirs]
    planted = []
    for n, (victim, guest) in enumerate(zip(victims.tolist(), guests.tolist(), strict=True)):
        kind = PLANTS[n % len(PLANTS)]
        leak = _leak(kind, mine[victim], lake_rows[victim], rows[guest], rng.uniform)
        rows[guest] = leak
        planted.append(
            {"kind": kind, "view_id": mine[victim].view_id, "against_id": leak["view_id"]}
        )
    lakes = _write(root / "lake", lake_rows), _write(root / "benchmark", rows)
    write_json(root / "planted.json", planted)
    return lakes


def measure(root: Path, lake: Lake, benchmark: Task, limits: Limits) -> dict[str, Score]:
    """Audit, and hold what was found against what is known; one line per kind on stderr."""
    found = audit(lake, benchmark, Settings(limits)).overlaps.to_pylist()
    planted = json.loads((root / "planted.json").read_text())
    mine, theirs = (_known(side) for side in (lake.read("views"), benchmark.truth))
    scores = {}
    for kind in (p for p in PLANTS if not p.startswith("decoy")):
        rows = [row for row in found if row["overlap"] == kind]
        pairs = {(row["view_id"], row["against_id"]) for row in rows}
        leaks = [(p["view_id"], p["against_id"]) for p in planted if p["kind"] == kind]
        false = [pair for pair in pairs if not _holds(kind, mine[pair[0]], theirs[pair[1]], limits)]
        wrong = {pair[1] for pair in false} - {
            pair[1] for pair in pairs if _holds(kind, mine[pair[0]], theirs[pair[1]], limits)
        }
        scores[kind] = Score(
            len(leaks), sum(pair in pairs for pair in leaks), len(false), len(wrong)
        )
        log(
            f"{kind}: {scores[kind].found} of {len(leaks)} planted found; of {len(theirs):,} views"
            f" {len(wrong)} wrongly accused, in {len(false)} of {len(pairs)} pairs listed"
        )
    listed = {(row["view_id"], row["against_id"]) for row in found if row["overlap"] in scores}
    leaks = [(p["view_id"], p["against_id"]) for p in planted if p["kind"] in scores]
    log(f"{sum(leak in listed for leak in leaks)} of {len(leaks)} leaks are listed in some way")
    return scores


def _scenes(count: int, seed: int, role: str) -> Iterator[Scene]:
    """Unbroken scenes of which none repeats another."""
    world = World.load()
    for index in range(count):
        scene = world.scene(index, seed, role)
        if scene.broken is None:
            yield scene


def _author(scene: Scene) -> str | None:
    """Every third view has an author of its own."""
    return f"Driver {scene.index}" if scene.index % 3 == 0 else None


def _row(scene: Scene, author: str | None) -> Row:
    """A row of `views` with the picture's bytes; every other one belongs to no sequence."""
    return {
        "view_id": scene.view_id, "lat": scene.lat, "lon": scene.lon, "author": author,
        "sequence_id": scene.sequence_id if scene.index % 2 else None, "country": scene.country,
        "license": "CC0-1.0", "attribution": "ClueWorld, drawn by georeasoner",
        "synthetic": True, "redistributable": True, "source": "clueworld",
        "bytes": scene.jpeg(), "extra": _scene_key(scene),
    }  # fmt: skip


def _scene_key(scene: Scene) -> str:
    """Equal for pictures of one scene."""
    return json.dumps({"role": scene.role, "picture": scene.picture_index})


def _write(folder: Path, rows: Sequence[Row]) -> Lake:
    lake = Lake.create(folder)
    with lake.writing("ingest", {"source": "planted leaks"}) as out:
        for row in rows:
            view = {name: value for name, value in row.items() if name != "bytes"}
            view["sha256"] = hashlib.sha256(row["bytes"]).hexdigest()
            out.add("views", [view])
            out.add("images", [{"view_id": row["view_id"], "bytes": row["bytes"]}])
            out.accept(row["view_id"])
    return lake


def _leak(kind: str, scene: Scene, victim: Row, guest: Row, draw: Draw) -> Row:
    """A view of the benchmark that has one thing of a view of the lake."""
    leak, same_scene = dict(guest), {"extra": _scene_key(scene)}
    if kind == "same_id":
        leak["view_id"] = victim["view_id"]
    elif kind == "same_file":
        leak |= {"bytes": victim["bytes"], **same_scene}
    elif kind == "same_picture":
        turned = replace(
            scene, near_duplicate_of=scene.view_id, turned_deg=draw(2, 5) * np.sign(draw(-1, 1))
        )
        leak |= {"bytes": turned.jpeg(), **same_scene}
        leak |= _moved(scene, draw(0.001, 0.04), draw)
    elif kind == "same_phash":
        leak |= {"bytes": _half(victim["bytes"]), **same_scene}
    elif kind == "same_sequence":
        victim["sequence_id"] = leak["sequence_id"] = scene.sequence_id
    elif kind == "same_author":
        victim["author"] = leak["author"] = f"Zoë Driver {scene.index}"
    elif kind == "decoy_author":
        victim["author"], leak["author"] = f"Ann {scene.index}", f"ann {scene.index}"
    elif kind == "same_place":
        leak |= _moved(scene, draw(0.001, 0.049), draw)
    elif kind == "decoy_place":
        leak |= _moved(scene, draw(0.051, 0.08), draw)
    return leak


def _moved(scene: Scene, distance_km: float, draw: Draw) -> Row:
    place = destination(scene.lat, scene.lon, draw(0, 360), distance_km)
    return {"lat": place.lat, "lon": place.lon}


def _half(data: bytes) -> bytes:
    """The picture at half its size, compressed more."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        out = io.BytesIO()
        image.resize((image.width // 2, image.height // 2)).save(out, "JPEG", quality=60)
    return out.getvalue()


def _known(views: pa.Table) -> dict[str, Row]:
    """What is known of each view, by its id."""
    return {row["view_id"]: row for row in views.to_pylist()}


def _holds(kind: str, mine: Row, theirs: Row, limits: Limits) -> bool:
    """Whether two views have that in common, by what the world knows, not by the audit's search."""
    if kind in _OF_A_PICTURE:
        return bool(mine["extra"] == theirs["extra"])
    if kind == "same_place":
        apart = haversine_km(mine["lat"], mine["lon"], theirs["lat"], theirs["lon"])
        return float(apart) < limits.place_km
    column = {"same_id": "view_id", "same_sequence": "sequence_id", "same_author": "author"}[kind]
    return mine[column] is not None and mine[column] == theirs[column]


def main(words: Sequence[str]) -> None:
    """FOLDER VIEWS HELD_OUT: draw, score, audit by the quickstart's limits and by others."""
    from scoring.stage import score

    root, views, held_out = Path(words[0]), int(words[1]), int(words[2])
    lake, benchmark = plant(root, views, held_out, each=max(1, held_out // 25))
    score(lake)
    tried = {"the quickstart's limits": LIMITS, "the default limits": Limits()}
    tried |= {f"{bits} bits of the hash": replace(LIMITS, phash_bits=bits) for bits in (2, 6)}
    for name, limits in tried.items():
        log(f"-- {name}: {limits}")
        measure(root, lake, load_views(f"lake:{benchmark.root}"), limits)


if __name__ == "__main__":
    main(sys.argv[1:])
