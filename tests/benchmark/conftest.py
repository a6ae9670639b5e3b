"""Small tasks out of ClueWorld, made once per session."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from benchmark.task import Task, load_task
from builders.ingest import ingest
from georeasoner.lake import Lake
from georeasoner.lake.files import write_parquet

SCENES = 24


@pytest.fixture(scope="session")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of held-out scenes."""
    lake = Lake.create(tmp_path_factory.mktemp("benchmark") / "held_out")
    ingest(lake, f"clueworld:{SCENES}@heldout")
    return lake.root


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of scenes for building."""
    lake = Lake.create(tmp_path_factory.mktemp("benchmark") / "build")
    ingest(lake, f"clueworld:{SCENES}")
    return lake.root


@pytest.fixture
def task(held_out: Path) -> Task:
    """The task of the held-out scenes."""
    return load_task(f"lake:{held_out}", name="world")


@pytest.fixture(scope="session")
def dataset(held_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set's folder as `build` lays it out: the split test in two shards."""
    lake = Lake.open(held_out)
    views = lake.read("views").sort_by("view_id")
    images = {r["view_id"]: r["bytes"] for r in lake.read("images").to_pylist()}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pixels = [
        {"bytes": images[i], "path": f"{i}.jpg"} if i in images else None
        for i in views["view_id"].to_pylist()
    ]
    rows = views.append_column("image", pa.array(pixels, kind))
    root = tmp_path_factory.mktemp("benchmark") / "streets"
    write_parquet(root / "data" / "test-00000-of-00002.parquet", rows.slice(0, 10))
    write_parquet(root / "data" / "test-00001-of-00002.parquet", rows.slice(10))
    return root
