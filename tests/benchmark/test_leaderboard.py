"""The table, the page and the flat results; nothing that a model says can act on the page."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from benchmark.imported import import_predictions
from benchmark.leaderboard import leaderboard, leaderboard_command, print_boards
from benchmark.metric import all_metrics
from benchmark.page import _difference
from benchmark.run import run
from benchmark.statistics import Difference
from benchmark.task import Task
from georeasoner.errors import InputError
from georeasoner.gazetteer.worldmap import height_px, land_path, project

EVIL = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Elements with their attributes, and the text of the JSON scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.json: list[str] = []
        self.words: list[str] = []
        self._in_json = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_json = tag == "script" and dict(attrs).get("type") == "application/json"

    def handle_data(self, data: str) -> None:
        (self.json if self._in_json else self.words).append(data)
        self._in_json = False


@pytest.fixture(scope="module")
def runs(held_out: Path, training: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the floor, the ceiling, and of a system that means harm."""
    from benchmark.task import load_task

    root = tmp_path_factory.mktemp("runs")
    task = load_task(f"lake:{held_out}", name=f"world {EVIL}")
    run("ceiling", task, root)
    run("prior", task, root, train=f"lake:{training}")
    rows = task.truth.to_pylist()
    import pyarrow as pa
    import pyarrow.parquet as pq

    answers = [
        {"view_id": r["view_id"], "country": r["country"], "city": f"City {EVIL}",
         "raw": json.dumps({"reasons": [f"poles {EVIL}"], "country": "x"}) + EVIL}
        for r in rows
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(answers), root / "evil.parquet")
    import_predictions(root / "evil.parquet", task, root, name=f"evil {EVIL}")
    return root


@pytest.fixture(scope="module")
def page(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page")
    leaderboard(runs, out / "leaderboard.html", out / "results.json")
    return (out / "leaderboard.html").read_text(encoding="utf-8")


def test_what_models_say_is_only_text(page: str):
    parsed = Page(page)
    assert EVIL not in page and "<img src=x" not in page
    images = [attrs for tag, attrs in parsed.elements if tag == "img"]
    assert images and all(attrs["src"].startswith("data:image/jpeg;base64,") for attrs in images)
    assert not [a for _, attrs in parsed.elements for a in attrs if a.startswith("on")]
    # it is still there to be read, as text
    words = "".join(parsed.words)
    assert f"evil {EVIL}" in words and f"poles {EVIL}" in words and f"world {EVIL}" in words
    labels = [point[6] for models in map(json.loads, parsed.json) for m in models for point in m]
    assert any(EVIL in label for label in labels)
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.S)
    assert len(scripts) == 2 and "<" not in scripts[0]


def test_the_page_needs_nothing_from_outside(page: str):
    parsed = Page(page)
    for tag, attrs in parsed.elements:
        assert tag not in {"link", "iframe", "object", "base"}
        for name in ("src", "href", "data", "action"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
    policy = next(a["content"] for t, a in parsed.elements if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", page)


def test_the_page_says_what_it_is(page: str):
    words = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for phrase in ("synthetic", "2,000 resamples", "seed 0", "oracle", "exact posterior",
                   "no p here is corrected", "Natural Earth", "CC0-1.0"):  # fmt: skip
        assert phrase in words, phrase
    assert page.count("<article") == 12
    # one block of answers per model under every example; one of them is shown
    assert page.count('class="answer"') == 36 and page.count('" hidden>') == 24


def test_ranking_and_differences(runs: Path):
    (board,) = leaderboard(runs)
    names = [entry.run.name for entry in board.entries]
    # the harmful system knows every country; the oracle is not ranked as best
    assert names == [f"evil {EVIL}", "ceiling", "prior"] and board.best == names[0]
    evil, _, prior = board.entries
    assert evil.differences == {} and evil.estimates["country_accuracy"].method == "wilson"
    gap = prior.differences["country_accuracy"]
    expected = prior.estimates["country_accuracy"].value - 1.0
    assert gap.value == pytest.approx(expected) and gap.high < 0 and gap.p < 1e-4


def test_a_difference_within_noise_is_not_bold():
    share, yes = all_metrics()["country_accuracy"], Difference(0.1, 0.05, 0.15, 0.0001, "t")
    shown = _difference(share, yes)
    assert shown == {"text": "+10.0", "interval": "[+5.0, +15.0]", "p": "p < 0.001", "sure": True}
    assert not _difference(share, replace(yes, low=-0.01, p=0.2))["sure"]


def test_the_page_tells_noise_from_difference(task: Task, tmp_path: Path):
    half, other = (
        "view_id,country\n" + "".join(
            f"{r['view_id']},{r['country'] if n % 2 == k else 'AQ'}\n"
            for n, r in enumerate(task.truth.to_pylist())
        )
        for k in (0, 1)
    )  # fmt: skip
    for name, text in (("half", half), ("other", other)):
        (tmp_path / f"{name}.csv").write_text(text)
        import_predictions(tmp_path / f"{name}.csv", task, tmp_path)
    leaderboard(tmp_path, tmp_path / "page.html")
    assert 'class="value unclear"' in (tmp_path / "page.html").read_text()


def test_results_are_flat(runs: Path, tmp_path: Path):
    leaderboard(runs, results_json=tmp_path / "results.json")
    rows = json.loads((tmp_path / "results.json").read_text())
    assert len(rows) == 3 * 15
    assert all(list(r) == ["model", "task", "metric", "value", "low", "high", "n"] for r in rows)
    found = {(r["model"], r["metric"]): r for r in rows}
    ceiling = found["ceiling", "country_accuracy"]
    assert ceiling["low"] <= ceiling["value"] <= ceiling["high"] and ceiling["n"] > 20
    # no answer of the evil system names a city that exists, but all name a country
    assert found[f"evil {EVIL}", "city_accuracy"]["value"] == 0.0
    assert found[f"evil {EVIL}", "country_f1"]["value"] == 1.0


def test_the_terminal_table(runs: Path, capsys):
    leaderboard_command(runs)
    out = capsys.readouterr().out
    assert "ceiling (oracle)" in out and "synthetic" in out and "2,000 resamples" in out
    assert "100.0 [" in out


def test_names_are_no_markup(task: Task, tmp_path: Path, capsys):
    run("ceiling", task, tmp_path, name="[bold]x[/nope]")
    print_boards(leaderboard(tmp_path))
    assert "[bold]x[/nope]" in capsys.readouterr().out


def test_a_newer_run_takes_the_place_of_an_older(
    task: Task, training: Path, tmp_path: Path, capsys
):
    run("prior", task, tmp_path, train=f"lake:{training}", name="mine")
    run("ceiling", task, tmp_path, name="mine")
    (board,) = leaderboard(tmp_path)
    assert len(board.entries) == 1 and board.entries[0].oracle
    assert "superseded" in capsys.readouterr().err
    other = replace(task, name="elsewhere")
    run("ceiling", other, tmp_path, name="mine")
    assert len(leaderboard(tmp_path)) == 2


def test_nothing_to_compare(tmp_path: Path):
    with pytest.raises(InputError, match="no complete runs"):
        leaderboard(tmp_path)


def test_only_what_may_be_shared_is_shown(task: Task, tmp_path: Path):
    import pyarrow as pa

    at = task.truth.column_names.index("redistributable")
    kept = pa.array([n == 0 for n in range(len(task))])
    closed = replace(task, truth=task.truth.set_column(at, "redistributable", kept))
    done = run("ceiling", closed, tmp_path)
    assert done.table("examples")["view_id"].to_pylist() == [task.view_ids[0]]


def test_projection():
    # the equator at longitude 0 is the middle; the poles are narrower than the equator
    x, y = project([0.0, 0.0, 60.0, 84.0], [0.0, 180.0, 180.0, 0.0])
    assert x[0] == pytest.approx(480.0) and x[1] == pytest.approx(960.0, abs=0.01)
    assert 480 < x[2] < 900 and y[3] == pytest.approx(0.0)
    assert 0 < y[0] < height_px() < 480
    numbers = np.array(re.findall(r"-?\d+\.\d", land_path()), dtype=float)
    assert numbers.min() > -1.0 and numbers.max() < 961.0 and len(land_path()) < 200_000


def test_the_command_draws_cells_and_writes_results(runs, georeasoner, tmp_path):
    file = tmp_path / "results.json"
    done = georeasoner("leaderboard", runs, "--cluster", "cell", "--results", file)
    assert done.code == 0 and "bootstrap over H3 cells of views" in done.out
    results = json.loads(file.read_text())
    found = {r["model"]: r for r in results if r["metric"] == "country_accuracy"}
    assert set(found["prior"]) == {"model", "task", "metric", "value", "low", "high", "n"}
    assert 0 <= found["prior"]["low"] <= found["prior"]["value"] <= found["prior"]["high"] <= 1
