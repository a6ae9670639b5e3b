"""Hundreds of odd and broken files, by the commands: each scored, or rejected with its reason."""

from __future__ import annotations

import csv
import os
import resource
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hostile import Hostile, encoded, files, scene
from PIL import Image

from georeasoner.lake import Lake
from scoring.decode import Refusal, safe_open, upright_size

MAX_GIB = 2.0  # of memory, for pictures of at most 80 megapixels (0.3 GiB each as Pillow has them)
MAX_LINES = 40  # of stderr, for 303 files


@pytest.fixture(scope="module")
def hostile() -> list[Hostile]:
    found = list(files())
    assert len(found) >= 300 and len({f.name for f in found}) == len(found)
    return found


def table_of(names: list[str], path: Path) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "file", "lat", "lon"])
        # a degree apart, so that no two are the same place
        writer.writerows(
            [name, name, n % 160 - 80, n % 350 - 174.5] for n, name in enumerate(names)
        )
    return f"table:{path}"


def outcome(lake: Lake, stage: str, name: str) -> dict[str, str]:
    """Of every input the reason of its reject, or "" where the table `name` has it."""
    found = dict.fromkeys(lake.read(name, ["view_id"])["view_id"].to_pylist(), "")
    for row in lake.read("rejects").to_pylist():
        if row["stage"] == stage:
            assert row["input_id"] not in found and row["reason"]
            found[row["input_id"]] = row["reason"]
    return found


def check(hostile: list[Hostile], found: dict[str, str]) -> None:
    wrong = {f.name: found[f.name] for f in hostile if found[f.name] not in (f.reasons or {""})}
    assert wrong == {}


def test_ingested_and_scored_or_rejected(
    hostile: list[Hostile], tmp_path: Path, georeasoner
) -> None:
    """Ingest sees them all; then each takes the place of a good picture, and score sees them all"""
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    names = [f.name for f in hostile]
    for f in hostile:
        (tmp_path / f.name).write_bytes(f.data)
    source = table_of(names, tmp_path / "views.csv")
    done = georeasoner("ingest", source, "--lake", tmp_path / "first")
    assert done.code == 0 and f"{len(names)} inputs = " in done.err
    assert len(done.err.splitlines()) < MAX_LINES, done.err
    first = outcome(Lake.open(tmp_path / "first"), "ingest", "views")
    assert first.keys() == set(names)
    check(hostile, first)

    for name in names:
        (tmp_path / name).write_bytes(encoded(scene(), "PNG"))
    assert georeasoner("ingest", source, "--lake", tmp_path / "lake").code == 0
    for f in hostile:
        (tmp_path / f.name).write_bytes(f.data)
    lake = Lake.open(tmp_path / "lake")
    assert lake.count("views") == len(names)
    done = georeasoner("score", lake.root, "--batch-size", 16)
    assert done.code == 0 and f"{len(names)} inputs = " in done.err
    assert len(done.err.splitlines()) < MAX_LINES, done.err
    second = outcome(lake, "score", "scores")
    check(hostile, second)
    assert second == first  # both stages say the same of a file
    assert outcome(lake, "score", "embeddings") == second

    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kib
    assert grown_kib < MAX_GIB * 2**20
    vectors = {
        row["view_id"]: np.array(row["vector"], dtype=np.float64)
        for row in lake.read("embeddings").to_pylist()
    }
    for f in hostile:
        if f.name.startswith("orientation"):  # turned upright, all say the same
            assert vectors[f.name] @ vectors["orientation1.jpg"] > 0.99, f.name


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_upright_in_its_colours(hostile: list[Hostile]) -> None:
    """To 6 of 255 in the mean: what a JPEG of quality 90 and an ink conversion change."""
    expected, checked = np.asarray(scene(), dtype=np.int64), Counter()
    for f in hostile:
        if f.upright:
            image = safe_open(f.data)
            assert isinstance(image, Image.Image), (f.name, image)
            assert image.size == upright_size(f.data) == (160, 120), f.name
            difference = np.abs(np.asarray(image, dtype=np.int64) - expected).mean()
            assert difference < 6, (f.name, difference)
            checked[Path(f.name).suffix] += 1
    assert checked.total() > 50 and len(checked) >= 6


def test_a_cut_jpeg_is_told_as_cut_at_every_scale(hostile: list[Hostile]) -> None:
    for f in hostile:
        if f.name.startswith("cut") and f.name.endswith("jpg") and f.data:
            for side in (None, 64, 224):
                answer = safe_open(f.data, min_side=side)
                assert isinstance(answer, Refusal)
                assert answer.reason in ("truncated_image", "not_an_image"), (f.name, answer)


def odd_entries(folder: Path) -> dict[str, str]:
    """What else a folder may hold, and why each is refused ("" where it is not)."""
    good = encoded(scene(), "JPEG")
    names = {"new\nline.jpg": "", "Straße Ω 道路 \U0001f6e3.jpg": "", "x" * 250 + ".jpg": "",
             "two  blanks .jpg": "", "'quote\" % {}.jpg": "", "-dash.jpg": ""}  # fmt: skip
    for name in names:
        (folder / name).write_bytes(good + name.encode())
    (folder / "folder.jpg").mkdir()
    (folder / "gone.jpg").symlink_to(folder / "nothing")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to(folder / "-dash.jpg")
    bad = ("folder.jpg", "gone.jpg", "loop.jpg", "zero.jpg", "pipe.jpg")
    return names | dict.fromkeys(bad, "unreadable_file") | {"link.jpg": ""}


@pytest.mark.timeout(60)  # a pipe would wait for ever
def test_odd_entries_of_a_folder(tmp_path: Path, georeasoner) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    expected = odd_entries(photos)
    names = [*expected, "no\0thing.jpg", "y" * 300 + ".jpg", "../photos/link.jpg"]
    source = table_of(names, photos / "views.csv")
    done = georeasoner("ingest", source, "--lake", tmp_path / "table")
    assert done.code == 0
    expected |= dict.fromkeys(names[-3:-1], "unreadable_file") | {names[-1]: ""}
    found = outcome(Lake.open(tmp_path / "table"), "ingest", "views")
    assert found == {name.strip(): reason for name, reason in expected.items()}
    assert georeasoner("score", tmp_path / "table").code == 0
    assert Lake.open(tmp_path / "table").count("scores") == list(expected.values()).count("")

    (Path(os.fsdecode(os.fsencode(photos) + b"/caf\xe9.jpg"))).write_bytes(b"x")
    done = georeasoner("ingest", f"folder:{photos}", "--lake", tmp_path / "folder")
    assert done.code == 0
    # a folder is not a file, link.jpg has the bytes of another, the pictures have no position
    reasons = "duplicate_id 1, file_name_not_unicode 1, missing_coordinates 6, unreadable_file 4"
    assert f"12 rejected ({reasons})" in done.err


def test_pictures_that_vanish_after_they_came(tmp_path: Path, georeasoner) -> None:
    names = ["stays.png", "vanishes.png", "becomes-text.png", "becomes-a-folder.png"]
    for name in names:
        (tmp_path / name).write_bytes(encoded(scene(), "PNG"))
    lake = tmp_path / "lake"
    assert georeasoner("ingest", table_of(names, tmp_path / "v.csv"), "--lake", lake).code == 0
    for name in names[1:]:
        (tmp_path / name).unlink()
    (tmp_path / names[2]).write_text("moved")
    (tmp_path / names[3]).mkdir()
    assert georeasoner("score", lake).code == 0
    assert outcome(Lake.open(lake), "score", "scores") == dict(
        zip(names, ("", "image_missing", "not_an_image", "image_missing"), strict=True)
    )
    (tmp_path / names[1]).write_bytes(encoded(scene(), "PNG"))
    done = georeasoner("score", lake)
    assert "1 accepted + 1 excluded (scored_before 1) + 2 rejected" in done.err
    assert outcome(Lake.open(lake), "score", "scores")[names[1]] == ""
