"""The examples of CONTRIBUTING.md do what it says."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from PIL import Image

from benchmark.model import Model, Prediction
from benchmark.task import load_task
from builders.source import RawView
from georeasoner import registry
from georeasoner.answers import Answer
from georeasoner.config import REPOSITORY
from georeasoner.lake import Lake
from georeasoner.registry import register
from scoring.scored import ImageScorer, Scored
from scrapers.fetch.siteserver import serve
from scrapers.source import Passage, html_links, missing, soup
from scrapers.stage import scrape

BLOCKS = re.findall(r"```python\n(.*?)```", (REPOSITORY / "CONTRIBUTING.md").read_text(), re.DOTALL)


@pytest.fixture
def example(monkeypatch):
    """(class or function name) to what its block defines, registered for this test alone."""
    for kind in registry.FOLDERS:
        registry.names(kind)  # what ships is found before, and stays
    monkeypatch.setattr(registry, "_known", dict(registry._known))

    def made(word):
        (block,) = [b for b in BLOCKS if word in b]
        names = {
            "Answer": Answer, "Model": Model, "Passage": Passage, "Path": Path,
            "Prediction": Prediction, "RawView": RawView, "contextmanager": contextmanager,
            "ImageScorer": ImageScorer, "Scored": Scored, "html_links": html_links,
            "missing": missing, "load_task": load_task, "np": np, "pc": pc, "register": register,
            "replace": replace, "soup": soup,
        }  # fmt: skip
        exec(block, names)
        return names.get(word)

    return made


IMPORTS = """
from contextlib import contextmanager
from georeasoner.registry import register
from scrapers.source import Passage, html_links, soup
"""


def test_a_clue_source_of_another_package(example, tmp_path, monkeypatch):
    """The crawl runs in a process of its own, which finds the source by its entry point."""
    example("MySite")
    (block,) = [b for b in BLOCKS if "MySite" in b]
    package = tmp_path / "package"
    (package / "mysite-1.dist-info").mkdir(parents=True)
    (package / "mysite.py").write_text(IMPORTS + block)
    (package / "mysite-1.dist-info" / "METADATA").write_text("Name: mysite\nVersion: 1\n")
    (package / "mysite-1.dist-info" / "entry_points.txt").write_text(
        "[georeasoner.clue_source]\nmysite = mysite:MySite\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package))
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text('<a href="poles.html">poles</a>')
    (site / "poles.html").write_text('<ul><li class="clue">Poles in Chile have holes.</li></ul>')
    lake = Lake.create(tmp_path / "lake")
    with serve(site) as url:
        scrape(lake, "mysite", start_url=url, delay_s=0.0)
    (clue,) = lake.read("clues").to_pylist()
    assert (clue["countries"], clue["license"]) == (["CL"], "CC0-1.0")


def test_a_view_source(example, georeasoner, tmp_path):
    example("pairs")
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    (tmp_path / "places.txt").write_text(f"{tmp_path / 'a.jpg'} 48.86 2.35\n")
    lake = tmp_path / "lake"
    done = georeasoner("ingest", f"pairs:{tmp_path / 'places.txt'}", "--lake", lake)
    assert done.code == 0, done.err
    (view,) = Lake.open(lake).read("views").to_pylist()
    assert (view["country"], view["license"]) == ("FR", "CC0-1.0")


def test_a_model(example, georeasoner, tmp_path):
    example("AlwaysFrance")
    lake = tmp_path / "lake"
    assert georeasoner("ingest", "clueworld:5", "--lake", lake).code == 0
    done = georeasoner(
        "benchmark", "--model", "always-france", "--task", f"lake:{lake}", "--out", tmp_path / "r"
    )
    assert done.code == 0, done.err
    assert "country_accuracy" in done.out


def test_a_scorer(example, georeasoner, tmp_path):
    """A grey of 51 has a brightness of 51 / 255 = 0.2."""
    Image.new("RGB", (64, 48), (51, 51, 51)).save(tmp_path / "a.png")
    (tmp_path / "views.csv").write_text("file,lat,lon\na.png,48.86,2.35\n")
    example("brightness")
    lake = tmp_path / "lake"
    assert georeasoner("ingest", f"table:{tmp_path / 'views.csv'}", "--lake", lake).code == 0
    done = georeasoner("score", lake, "--scorer", "brightness")
    assert done.code == 0, done.err
    (row,) = Lake.open(lake).read("scores").to_pylist()
    assert row["locatability"] == pytest.approx(0.2)
    assert row["score_id"].startswith("brightness:brightness@1:")


def test_a_task(example, georeasoner, tmp_path):
    example("south")
    lake = tmp_path / "lake"
    assert georeasoner("ingest", "clueworld:20", "--lake", lake).code == 0
    lats = Lake.open(lake).read("views")["lat"].to_pylist()
    south = sum(lat < 0 for lat in lats)
    assert 0 < south < len(lats)
    done = georeasoner(
        "benchmark", "--model", "ceiling", "--task", f"south:lake:{lake}", "--out", tmp_path / "r"
    )
    assert done.code == 0, done.err
    assert f"ceiling: {south} views = " in done.err
