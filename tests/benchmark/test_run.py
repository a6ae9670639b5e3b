"""A run answers every view once, sees the picture only, and goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import benchmark.run as running
from benchmark.leaderboard import leaderboard
from benchmark.metric import all_metrics
from benchmark.model import Model, Prediction, Setup, View
from benchmark.outcomes import outcomes
from benchmark.run import benchmark_command, run
from benchmark.runs import load_runs
from benchmark.score import Scoring, score_run
from benchmark.task import Task
from georeasoner.answers import Answer
from georeasoner.errors import ConfigError, InputError, LakeLockedError, UnknownNameError
from georeasoner.gazetteer import Gazetteer
from georeasoner.registry import register


class Watched(Exception):
    """Raised by `Probe` when it is told to die."""


@register("model", "test-probe")
class Probe(Model):
    """Says a place that depends on the picture alone, and notes what it was shown."""

    seen: list[View] = []  # noqa: RUF012
    dies_after: int | None = None

    def __init__(self, setup: Setup) -> None:
        self.id = "probe@1"

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        for view in views:
            if Probe.dies_after is not None and len(Probe.seen) >= Probe.dies_after:
                raise Watched
            Probe.seen.append(view)
            country = ("France", "Japan")[view.image.getpixel((5, 5))[2] % 2]
            raw = json.dumps({"reasons": "sky; road", "country": country})
            yield Prediction(view.view_id, raw=raw, latency_s=0.1)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch):
    Probe.seen, Probe.dies_after = [], None
    monkeypatch.setattr(running, "GROUP_VIEWS", 10)


def rows(done) -> list[dict]:
    return done.table("predictions").to_pylist()


def test_a_killed_run_goes_on(task: Task, tmp_path: Path):
    whole = run("test-probe", task, tmp_path / "whole")
    assert len(Probe.seen) == len(task)
    Probe.seen, Probe.dies_after = [], 15
    with pytest.raises(Watched):
        run("test-probe", task, tmp_path / "killed")
    with pytest.raises(InputError, match="no complete runs"):
        load_runs(tmp_path / "killed")
    Probe.dies_after = None
    again = run("test-probe", task, tmp_path / "killed")
    # ten views were on disk; the five after them are asked again
    assert len(Probe.seen) == 15 + len(task) - 10
    assert rows(again) == rows(whole) and again.folder.name == whole.folder.name
    assert not (again.folder / "parts").exists()
    before = len(Probe.seen)
    run("test-probe", task, tmp_path / "killed")
    assert len(Probe.seen) == before


def test_a_model_sees_the_picture_only(task: Task, tmp_path: Path):
    done = run("test-probe", task, tmp_path)
    assert {view.extra for view in Probe.seen} == {None}
    assert set(vars(Probe.seen[0])) == {"view_id", "image", "extra"}
    first = rows(done)[0]
    assert first["country"] in ("FR", "JP") and first["position_source"] == "country"
    assert first["reasons"] == ["sky", "road"] and first["task"] == "world"
    record = done.record
    assert record["task"]["views"] == len(task) and record["model_id"] == "probe@1"
    assert record["provenance"]["code_revision"] and record["provenance"]["versions"]["torch"]


def test_other_views_weights_or_names_are_other_runs(task: Task, tmp_path: Path, monkeypatch):
    folders = {run("test-probe", task, tmp_path).folder}
    folders.add(run("test-probe", task, tmp_path, limit=5).folder)
    folders.add(run("test-probe", task, tmp_path, name="mine").folder)
    moved = replace(task, source="lake:elsewhere")
    folders.add(run("test-probe", moved, tmp_path).folder)  # the same views from another place
    assert len(folders) == 3
    assert len(load_runs(tmp_path)) == 3


def test_pictures_that_cannot_be_read_are_rejected_and_wrong(task: Task, tmp_path: Path):
    def damaged(wanted):
        for n, (view_id, data) in enumerate(task.read_pictures(wanted)):
            yield view_id, data[:300] if n == 3 else data

    done = run("test-probe", replace(task, read_pictures=damaged), tmp_path)
    counts = done.record["counts"]
    assert counts["rejected"] == {"truncated_image": 1}
    assert counts["answered"] == len(task) - 1 and counts["unanswered"] == 0
    assert done.table("rejects")["input_id"].to_pylist() == [task.view_ids[3]]
    assert rows(done)[3]["answered"] is False
    found = score_run(done)["metrics"]
    assert found["country_accuracy"]["n"] == len(task)
    assert found["country_recall"]["value"] == pytest.approx(1 - 1 / len(task))


def test_floor_and_ceiling(task: Task, training: Path, tmp_path: Path):
    floor = run("prior", task, tmp_path, train=f"lake:{training}")
    assert len({(row["country"], row["city"]) for row in rows(floor)}) == 1
    top = run("ceiling", task, tmp_path)
    assert top.record["oracle"] is True
    values = [score_run(r)["metrics"]["country_accuracy"] for r in (floor, top)]
    assert values[0]["high"] < values[1]["low"]
    again = score_run(top, Scoring(seed=0))
    assert again == score_run(top, Scoring(seed=0)) != score_run(top, Scoring(seed=1))
    assert json.loads((top.folder / "metrics.json").read_text())["interval"]["seed"] == 1


def test_the_ceiling_is_the_worlds_own_best(task: Task, tmp_path: Path):
    from georeasoner.clueworld import World

    top = run("ceiling", task, tmp_path)
    world = World.load()
    for row, extra in zip(rows(top), task.truth["extra"].to_pylist(), strict=True):
        assert row["country"] == world.best(json.loads(extra)["clues"]).country


def test_mistakes(task: Task, held_out: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="needs training data"):
        run("prior", task, tmp_path)
    with pytest.raises(ConfigError, match="are in the training data"):
        run("prior", task, tmp_path, train=f"lake:{held_out}")
    with pytest.raises(UnknownNameError, match="did you mean prior"):
        run("priorr", task, tmp_path)
    with pytest.raises(ConfigError, match="takes no adapters"):
        run("ceiling", task, tmp_path, adapters=[tmp_path])
    blank = replace(task, truth=task.truth.set_column(11, "extra", [[None] * len(task)]))
    with pytest.raises(InputError, match="which clues it shows"):
        run("ceiling", blank, tmp_path / "other")


def test_a_synthetic_model_on_real_views_is_told(task: Task, tmp_path: Path, capsys, monkeypatch):
    import pyarrow as pa

    monkeypatch.setattr(Probe, "synthetic_only", True)
    run("test-probe", task, tmp_path)
    assert "mean nothing" not in capsys.readouterr().err
    at = task.truth.column_names.index("synthetic")
    real = replace(
        task, truth=task.truth.set_column(at, "synthetic", pa.array([False] * len(task)))
    )
    done = run("test-probe", real, tmp_path)
    assert "mean nothing" in capsys.readouterr().err
    leaderboard(tmp_path, tmp_path / "page.html")
    assert "on real pictures this means nothing" in (tmp_path / "page.html").read_text()
    assert done.record["synthetic_only"] is True


def test_one_writer_at_a_time(task: Task, tmp_path: Path):
    from filelock import FileLock

    Probe.dies_after = 0
    with pytest.raises(Watched):
        run("test-probe", task, tmp_path)
    folder = next(tmp_path.iterdir())
    with FileLock(folder / ".lock"), pytest.raises(LakeLockedError):
        run("test-probe", task, tmp_path)


def test_the_command_prints_metrics(held_out: Path, tmp_path: Path, capsys):
    benchmark_command(task=f"lake:{held_out}", out=tmp_path, model="ceiling", limit=8)
    printed = capsys.readouterr()
    assert "country_accuracy" in printed.out and "seed 0" in printed.out
    assert "8 views = 8 answered" in printed.err and "8 views" not in printed.out
    with pytest.raises(ConfigError, match="exactly one"):
        benchmark_command(task=f"lake:{held_out}", out=tmp_path)


def test_cities_are_right_by_name_or_alias_in_the_right_country(task: Task):
    import pyarrow as pa

    def right(true: tuple, said: tuple) -> bool:
        truth = pa.table({"view_id": ["v"], "lat": [1.0], "lon": [1.0],
                          "country": [true[1]], "city": [true[0]]})  # fmt: skip
        answers = pa.table({"view_id": ["v"], "lat": [None], "lon": [None],
                            "country": [said[1]], "city": [said[0]]})  # fmt: skip
        return bool(outcomes(truth, answers, Gazetteer.load()).labels["city"].right[0])

    assert right(("São Paulo", "BR"), ("sao paulo", "BR"))
    assert right(("Munich", "DE"), ("München", "DE"))
    assert right(("Munich", "DE"), ("Munich", None))
    assert not right(("London", "GB"), ("London", "CA"))
    assert not right(("Munich", "DE"), ("Berlin", "DE"))
    assert not right((None, "DE"), ("Berlin", "DE"))


def test_an_answer_places_by_coordinates_then_city_then_country():
    paris = Gazetteer.load().city("Paris", "FR")
    lyon = Answer(country="FR", city="Lyon")
    by_country = Answer(country="FR", city="Nowhere at all")
    exact = replace(lyon, lat=45.0, lon=4.5)
    made = [
        running.prediction_row("r", "t", "v", answer, Gazetteer.load())
        for answer in (exact, lyon, by_country, Answer())
    ]
    assert [row["position_source"] for row in made] == ["coordinates", "city", "country", None]
    assert (made[0]["lat"], made[0]["lon"]) == (45.0, 4.5)
    assert made[2]["lat"] == paris.lat and made[3]["answered"] is False
    assert all_metrics()["country_accuracy"].unit == "share"
