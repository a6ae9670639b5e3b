"""Comparing runs: a folder of runs in; a table for the terminal, a page, and flat results out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.board import Board, boards, results
from benchmark.metric import all_metrics
from benchmark.runs import Run, load_runs
from benchmark.score import Scoring, outcomes_of, shown
from benchmark.statistics import Cluster, estimate
from georeasoner.lake.files import write_bytes, write_json
from georeasoner.progress import log

if TYPE_CHECKING:
    from rich.console import Console

HEADLINE = (
    "country_accuracy", "city_accuracy", "accuracy_25km", "accuracy_200km", "accuracy_750km",
    "accuracy_2500km", "geoguessr_score",
)  # fmt: skip
_WIDTH = 170


def leaderboard(
    runs: str | Path,
    html: str | Path | None = None,
    results_json: str | Path | None = None,
    scoring: Scoring | None = None,
) -> list[Board]:
    """Score every complete run below `runs` alike; write the page and the results if asked.

    Raises `InputError` when there is no complete run.
    """
    found = boards(load_runs(Path(runs)), scoring or Scoring())
    if results_json is not None:
        write_json(Path(results_json), results(found))
    if html is not None:
        from benchmark.page import render_page

        write_bytes(Path(html), render_page(found).encode())
        log(f"leaderboard: {html}")
    return found


def leaderboard_command(
    runs: Path,
    html: Path | None = None,
    results_json: Path | None = None,
    cluster: Cluster = "view",
    seed: int = 0,
) -> None:
    """What `georeasoner leaderboard` does."""
    print_boards(leaderboard(runs, html, results_json, Scoring(seed=seed, cluster=cluster)))


def print_boards(found: list[Board]) -> None:
    """One table per task on stdout, models best first, each value with its interval."""
    from rich.markup import escape
    from rich.table import Table

    console = _console()
    for board in found:
        label = ", synthetic" if board.task["synthetic"] else ""
        table = Table(title=f"{escape(board.task['name'])} ({board.task['views']:,} views{label})")
        table.add_column("model")
        for name in HEADLINE:
            table.add_column(all_metrics()[name].title, justify="right")
        for entry in board.entries:
            mark = " (oracle)" if entry.oracle else ""
            values = [shown(entry.estimates[n], all_metrics()[n].unit) for n in HEADLINE]
            table.add_row(escape(entry.run.name) + mark, *values)
        console.print(table)
        console.print(board.scoring.describe(), style="dim")


def print_metrics(run: Run, scoring: Scoring) -> None:
    """All metrics of one run on stdout."""
    from rich.markup import escape
    from rich.table import Table

    metrics = all_metrics()
    found = estimate(metrics, outcomes_of(run), scoring.resampling(run))
    table = Table(title=f"{escape(run.name)} on {escape(run.task['name'])}")
    for column in ("metric", "value [95 % interval]", "n"):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for name, value in found.items():
        table.add_row(name, shown(value, metrics[name].unit), f"{value.n:,}")
    console = _console()
    console.print(table)
    console.print(scoring.describe(), style="dim")


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
