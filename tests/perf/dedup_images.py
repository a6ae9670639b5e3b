"""Our duplicates beside imagededup's, on the same pictures with planted copies.

Pictures: ClueWorld's scenes with the near-duplicates that its generator draws (the scene again
from another heading), and the real photographs in ../shared/data/streetscapes, where they are
there, with four copies each: recompressed (JPEG quality 30), halved in size, cropped by 5 % on each
side, brightened by 30 %. imagededup runs in an environment of its own, with its hashes and
the thresholds it recommends; its CNN needs weights from the network and is left out. It knows no
positions, so its pairs are counted as they are, and once more with those more than 1 km apart
left out.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "streetscapes"
SCENES = 500
THEIRS = """
import json, sys, time
from imagededup import methods
for name in ("PHash", "DHash", "AHash", "WHash"):
    method = getattr(methods, name)(verbose=False)
    start = time.perf_counter()
    codes = method.encode_images(image_dir=sys.argv[1])
    encoded = time.perf_counter()
    found = method.find_duplicates(encoding_map=codes)
    pairs = sorted({tuple(sorted((a, b))) for a, bs in found.items() for b in bs})
    end = time.perf_counter()
    print(json.dumps([name, encoded - start, end - encoded, pairs]))
"""


def against(scratch: Path, python: str, seed: int) -> dict[str, Any]:
    """Precision, recall and time of both, printed as a table too."""
    folder = scratch / "pictures"
    shutil.rmtree(scratch / "pictures", ignore_errors=True)
    shutil.rmtree(scratch / "lake", ignore_errors=True)
    folder.mkdir(parents=True)
    origin, places = _pictures(folder, seed)
    near = _near(places)
    results = _theirs(folder, python, origin, near) + _ours(scratch, folder, origin, places)
    sys.stdout.write(_table(results) + "\n")
    return {"seed": seed, "pictures": len(origin), "results": results}


def _pictures(folder: Path, seed: int) -> tuple[dict[str, str], dict[str, tuple[float, float]]]:
    """Files to `folder`; of each the picture it is a copy of (itself, else), and its position."""
    from georeasoner.clueworld import World

    world = World.load()
    origin: dict[str, str] = {}
    places: dict[str, tuple[float, float]] = {}
    for index in range(SCENES):
        scene = world.scene(index, seed)
        if not scene.broken:
            name = scene.file_name
            (folder / name).write_bytes(scene.jpeg())
            origin[name] = f"{scene.near_duplicate_of or scene.view_id}.jpg"
            places[name] = (scene.lat, scene.lon)
    if SHARED.is_dir():
        _photographs(folder, origin, places)
    return origin, places


def _photographs(folder: Path, origin: dict[str, str], places: dict[str, Any]) -> None:
    from PIL import Image, ImageEnhance

    with (SHARED / "views.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        data = (SHARED / row["file"]).read_bytes()
        image = Image.open(io.BytesIO(data)).convert("RGB")
        w, h = image.size
        copies = {
            "recompressed": (image, 30),
            "halved": (image.resize((w // 2, h // 2)), 90),
            "cropped": (image.crop((w // 20, h // 20, w - w // 20, h - h // 20)), 90),
            "brightened": (ImageEnhance.Brightness(image).enhance(1.3), 90),
        }
        first = f"{row['uuid']}.jpg"
        (folder / first).write_bytes(data)
        for what, (copy, quality) in copies.items():
            copy.save(folder / f"{row['uuid']}-{what}.jpg", quality=quality)
        for name in (first, *(f"{row['uuid']}-{what}.jpg" for what in copies)):
            origin[name] = first
            places[name] = (float(row["lat"]), float(row["lon"]))


def _near(places: dict[str, tuple[float, float]]) -> Any:
    from georeasoner.geodesy import haversine_km

    return lambda a, b: float(haversine_km(*places[a], *places[b])) <= 1.0


def _theirs(folder: Path, python: str, origin: dict[str, str], near: Any) -> list[dict[str, Any]]:
    done = subprocess.run(
        [python, "-c", THEIRS, str(folder)], stdout=subprocess.PIPE, check=True, text=True
    )
    results = []
    for line in done.stdout.splitlines():
        if line.startswith("["):
            name, encode_s, find_s, pairs = json.loads(line)
            times = {"hash_s": encode_s, "find_s": find_s}
            found = {(a, b) for a, b in pairs}
            results.append({"tool": f"imagededup {name}", **times, **_score(found, origin)})
            close = {p for p in found if near(*p)}
            results.append({"tool": f"imagededup {name}, 1 km", **times, **_score(close, origin)})
    return results


def _ours(
    scratch: Path, folder: Path, origin: dict[str, str], places: dict[str, tuple[float, float]]
) -> list[dict[str, Any]]:
    from builders.ingest import ingest
    from georeasoner.lake import Lake
    from scoring.decode import safe_open
    from scoring.duplicates.stage import dedup
    from scoring.perceptual import perceptual_hash
    from scoring.stage import score

    with (folder / "views.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["uuid", "file", "lat", "lon", "license"])
        rows.writerows([n, n, *places[n], "CC-BY-SA-4.0"] for n in sorted(origin))
    lake = Lake.create(scratch / "lake")
    ingest(lake, f"table:{folder / 'views.csv'}")
    score(lake)
    start = time.perf_counter()
    for name in origin:
        perceptual_hash(safe_open((folder / name).read_bytes(), min_side=64))
    hash_s = time.perf_counter() - start
    results = []
    settings = {
        "hashes": {"threshold": 1.0, "far_threshold": 1.1},
        "embeddings (tiny CLIP)": {"hash_bits": None, "far_threshold": 1.1},
        "both": {"far_threshold": 1.1},
    }
    for name, how in settings.items():
        start = time.perf_counter()
        dedup(lake, **how)
        find_s = time.perf_counter() - start
        groups: dict[str, list[str]] = {}
        for row in lake.read("duplicates", ["view_id", "group_id"]).to_pylist():
            groups.setdefault(row["group_id"], []).append(row["view_id"])
        said = {"tool": f"dedup, {name}", "hash_s": hash_s, "find_s": find_s}
        results.append(said | _score(_pairs(groups), origin))
    return results


def _score(found: set[tuple[str, str]], origin: dict[str, str]) -> dict[str, Any]:
    """Of pairs, on drawn scenes and on photographs."""
    sets: dict[str, list[str]] = {}
    for name, first in origin.items():
        sets.setdefault(first, []).append(name)
    true = _pairs(sets)
    said: dict[str, Any] = {}
    for kind in ("photographs", "scenes"):
        mine, made = (
            {p for p in pairs if any(map(_drawn, p)) == (kind == "scenes")}
            for pairs in (found, true)
        )
        right = len(mine & made)
        said[kind] = {
            "found": len(mine),
            "made": len(made),
            "precision": right / len(mine) if mine else None,
            "recall": right / len(made) if made else None,
        }
    return said


def _pairs(groups: dict[str, list[str]]) -> set[tuple[str, str]]:
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


def _drawn(name: str) -> bool:
    return name.startswith("clueworld")


def _table(results: list[dict[str, Any]]) -> str:
    lines = [
        "| tool | photographs: precision | recall | scenes: precision | recall | hashing s |"
        " search s |",
        "| --- " * 7 + "|",
    ]
    for r in results:
        shown = [
            "-" if r[kind][what] is None else f"{r[kind][what]:.3f}"
            for kind in ("photographs", "scenes")
            for what in ("precision", "recall")
        ]
        cells = [r["tool"], *shown, f"{r['hash_s']:.1f}", f"{r['find_s']:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
