"""The small quickstart from end to end, by the command that a user runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from georeasoner.config import REPOSITORY
from georeasoner.lake import Lake

SMALL = "configs/quickstart-small.yaml"


def command(out, *more):
    return [sys.executable, "-m", "georeasoner", "quickstart", "--out", str(out),
            "--recipe", SMALL, *more]  # fmt: skip


def run(out, *more):
    return subprocess.run(
        command(out, *more), capture_output=True, text=True, cwd=REPOSITORY, timeout=280
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("quickstart") / "out"
    result = run(out)
    assert result.returncode == 0, result.stderr[-3000:]
    return out, result


def test_everything_is_there(done):
    out, result = done
    for name in ("lake", "dataset", "adapters", "runs", "leaderboard.html", "results.json"):
        assert (out / name).exists(), name
    assert "[10/10] leaderboard" in result.stderr
    assert "country_accuracy" not in result.stderr
    results = json.loads((out / "results.json").read_text())
    assert {"model", "task", "metric", "value", "low", "high", "n"} <= set(results[0])
    models = {r["model"] for r in results}
    assert {"georeasoner", "base", "prior", "ceiling"} <= models
    accuracy = {r["model"]: r["value"] for r in results if r["metric"] == "country_accuracy"}
    assert accuracy["ceiling"] > 0.5 > accuracy["base"]


def test_the_tables_fit_together(done):
    lake = Lake.open(done[0] / "lake")
    views = set(lake.read("views", ["view_id"])["view_id"].to_pylist())
    assert views == set(lake.read("scores", ["view_id"])["view_id"].to_pylist())
    assert views == set(lake.read("embeddings", ["view_id"])["view_id"].to_pylist())
    sums = lake.last_run("ingest")["sums"]
    assert sums["inputs"] == 240
    assert sums["accepted"] == len(views)
    assert sums["accepted"] + sum(sums["rejected"].values()) == 240


def test_the_page_needs_no_network(done):
    page = (done[0] / "leaderboard.html").read_text()
    assert "georeasoner" in page
    assert 'src="http' not in page and "<link" not in page


def test_a_second_call_does_nothing_again(done):
    out, _ = done
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    started = time.monotonic()
    again = run(out)
    assert again.returncode == 0
    assert time.monotonic() - started < 60
    assert again.stderr.count("done before") == 10
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == before


def test_another_recipe_is_refused(done):
    other = run(done[0], "--seed", "5")
    assert other.returncode == 2
    assert other.stderr.startswith("error: ") and other.stderr.count("\n") == 1
    assert "seed" in other.stderr


@pytest.mark.slow
def test_a_killed_run_goes_on(done, tmp_path):
    """Kill it in the middle of every step in turn; at the end the tables are the same."""
    out = tmp_path / "out"
    killed = set()
    for delay_s in (0.3, 1.0, 0.5, 3.0, 2.0, 0.5, 12.0, 3.0, 8.0, 1.0):
        process = subprocess.Popen(
            command(out), cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True, start_new_session=True,
        )  # fmt: skip
        for line in process.stderr:
            name = line.rpartition(" ")[2].strip()
            if line.startswith("[") and ":" not in line and name not in killed:
                killed.add(name)
                time.sleep(delay_s)
                os.killpg(process.pid, signal.SIGKILL)
                break
        process.wait()
    assert len(killed) == 10
    assert run(out).returncode == 0
    for name in ("views", "images", "scores", "embeddings", "duplicates", "clues", "rejects"):
        assert rows(out, name) == rows(done[0], name), name
    for path in sorted((done[0] / "dataset").rglob("*.parquet")):
        again = out / path.relative_to(done[0])
        assert timeless(pq.read_table(again)) == timeless(pq.read_table(path)), path.name
    assert figures(out) == figures(done[0])


def figures(out):
    return json.loads((out / "results.json").read_text())


def rows(out, name):
    return timeless(Lake.open(out / "lake").read(name))


def timeless(table):
    """The rows in some order, but for when a page was fetched."""
    dropped = [c for c in ("retrieved_at",) if c in table.column_names]
    return sorted(map(str, table.drop_columns(dropped).to_pylist()))


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("shuffled", [False, True])
def test_what_it_learns_comes_from_the_labels(tmp_path, shuffled):
    """The default recipe beats its base; with the labels shuffled it is no better than chance."""
    text = (REPOSITORY / "configs" / "quickstart.yaml").read_text()
    recipe = tmp_path / "recipe.yaml"
    models = "{models: [georeasoner, base, prior, ceiling]}"
    recipe.write_text(f"{text}shuffle_labels: {str(shuffled).lower()}\nbenchmark: {models}\n")
    out = tmp_path / "out"
    subprocess.run(
        [sys.executable, "-m", "georeasoner", "quickstart", "--out", str(out),
         "--recipe", str(recipe)], cwd=REPOSITORY, check=True,
    )  # fmt: skip
    found = {
        r["model"]: r
        for r in json.loads((out / "results.json").read_text())
        if r["metric"] == "country_accuracy"
    }
    tuned, chance = found["georeasoner"], 1 / 18  # countries, all alike frequent
    if shuffled:
        assert tuned["low"] < chance and tuned["value"] < 2 * chance
    else:
        assert tuned["low"] > found["base"]["high"]
        assert tuned["value"] >= found["ceiling"]["value"] / 2
