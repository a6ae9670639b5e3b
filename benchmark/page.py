"""The leaderboard's page: boards in, one self-contained HTML text out.

Everything that a model or a data set said goes through the template's escaping; the map's numbers
go through JSON that is safe inside a script element; and a content security policy lets the page
load nothing and run no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.board import COMPARED, Board, Entry
from benchmark.leaderboard import HEADLINE
from benchmark.metric import Metric, all_metrics
from benchmark.score import shown, truth_of
from benchmark.statistics import Difference, Estimate
from georeasoner.gazetteer import Gazetteer
from georeasoner.gazetteer.worldmap import WIDTH_PX, height_px, land_path, project
from georeasoner.geodesy import haversine_km
from georeasoner.provenance import code_revision
from scoring.thumbnails import data_url

_HERE = Path(__file__).resolve().parent / "templates"
_MAP_VIEWS = 2000
_RAW_CHARACTERS = 600
_BAR_FULL = {"share": 1.0, "points": 5000.0}


def render_page(found: list[Board]) -> str:
    """The page of these boards."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    gazetteer = Gazetteer.load()
    style, script = ((_HERE / f"leaderboard.{kind}").read_text() for kind in ("css", "js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("leaderboard.html.j2").render(
        boards=[_board(board, gazetteer) for board in found],
        land=land_path(),
        map_width=round(WIDTH_PX),
        map_height=round(height_px()),
        style=style,
        script=script,
        script_hash=digest,
        synthetic=all(board.task["synthetic"] for board in found),
        code_revision=code_revision(),
    )


def _board(board: Board, gazetteer: Gazetteer) -> dict[str, Any]:
    metrics = all_metrics()
    others = [name for name in metrics if name not in HEADLINE]
    names = [entry.run.name for entry in board.entries]
    first = names.index(board.best) if board.best in names else 0
    return {
        "task": board.task,
        "scoring": board.scoring.describe(),
        "headline": _table(board, list(HEADLINE)),
        "others": _table(board, others),
        "best": board.best,
        "compared": [metrics[name].title for name in COMPARED],
        "differences": [
            {
                "name": entry.run.name,
                "oracle": entry.oracle,
                "cells": [_difference(metrics[n], entry.differences[n]) for n in COMPARED],
            }
            for entry in board.entries
            if entry.differences
        ],
        "entries": [_entry(entry, board) for entry in board.entries],
        "selected": first,
        "points": [_points(entry, board, gazetteer) for entry in board.entries],
        "shown_on_map": min(int(board.task["views"]), _MAP_VIEWS),
        "examples": _examples(board, gazetteer),
        "n": {metrics[n].title: board.entries[0].estimates[n].n for n in ("country_accuracy",
              "city_accuracy", "geoguessr_score")},
    }  # fmt: skip


def _table(board: Board, names: list[str]) -> dict[str, Any]:
    metrics = all_metrics()
    return {
        "columns": [
            {"title": metrics[n].title, "up": metrics[n].higher_is_better, "metric": n}
            for n in names
        ],
        "rows": [
            {
                "name": entry.run.name,
                "best": entry.run.name == board.best,
                "oracle": entry.oracle,
                "cells": [_cell(entry.estimates[n], metrics[n]) for n in names],
            }
            for entry in board.entries
        ],
    }


def _cell(value: Estimate, metric: Metric) -> dict[str, Any]:
    """Text, sort value, and the bar with its whisker in percent of the scale."""
    text, _, interval = shown(value, metric.unit).partition(" ")
    cell: dict[str, Any] = {"text": text, "interval": interval, "sort": value.value, "bar": None}
    full = _BAR_FULL.get(metric.unit)
    if full and value.value is not None and value.low is not None and value.high is not None:
        cell["bar"] = [round(100 * v / full, 2) for v in (value.value, value.low, value.high)]
    return cell


def _difference(metric: Metric, found: Difference) -> dict[str, Any]:
    if found.value is None or found.low is None or found.high is None:
        return {"text": "–", "interval": "", "p": "", "sure": False}
    scale, digits = (100, 1) if metric.unit == "share" else (1, 0)
    value, low, high = (
        f"{v * scale:+,.{digits}f}".replace("-", "−") for v in (found.value, found.low, found.high)
    )
    p = "" if found.p is None else "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    sure = found.low > 0 or found.high < 0
    return {"text": value, "interval": f"[{low}, {high}]", "p": p, "sure": sure}


def _entry(entry: Entry, board: Board) -> dict[str, Any]:
    record = entry.run.record
    warnings = []
    if record["synthetic_only"] and not board.task["synthetic"]:
        warnings.append("was made for the synthetic world: on real pictures this means nothing")
    counts = record["counts"]
    settings = {k: str(v) for k, v in record["settings"].items()}
    return {
        "name": entry.run.name,
        "oracle": entry.oracle,
        "model_id": record["model_id"],
        "settings": settings,
        "counts": counts,
        "rejected": sum(counts["rejected"].values()),
        "run_id": entry.run.folder.name,
        "code_revision": record["provenance"]["code_revision"],
        "written_at": record["completed_at"][:16].replace("T", " "),
        "warnings": warnings,
    }


def _points(entry: Entry, board: Board, gazetteer: Gazetteer) -> list[list[Any]]:
    """[true x, true y, said x, said y, country right, views, label], equal ones put together."""
    rows = truth_of(entry.run).to_pylist()
    said = {r["view_id"]: r for r in entry.run.table("predictions").to_pylist()}
    chosen = np.random.default_rng(board.scoring.seed).permutation(len(rows))[:_MAP_VIEWS]
    counts: Counter[tuple[Any, ...]] = Counter()
    for n in chosen:
        row, answer = rows[n], said.get(rows[n]["view_id"])
        if row["lat"] is None or answer is None or answer["lat"] is None:
            continue
        true_x, true_y = project(row["lat"], row["lon"])
        said_x, said_y = project(answer["lat"], answer["lon"])
        place = tuple(round(float(v)) for v in (true_x, true_y, said_x, said_y))
        right = row["country"] is not None and row["country"] == answer["country"]
        label = f"{_place(row, gazetteer)} → {_place(answer, gazetteer)}"
        counts[(*place, right, label)] += 1
    return [[*key[:5], n, key[5]] for key, n in counts.most_common()]


def _place(row: dict[str, Any], gazetteer: Gazetteer) -> str:
    country = gazetteer.name(row["country"]) if row["country"] else None
    return ", ".join(part for part in (row["city"], country) if part) or "no answer"


def _examples(board: Board, gazetteer: Gazetteer) -> list[dict[str, Any]]:
    """Thumbnails with the truth, and what every model said, in the order of the entries."""
    pictures = board.entries[0].run.table("examples").to_pylist()
    truth = {row["view_id"]: row for row in truth_of(board.entries[0].run).to_pylist()}
    said = [
        {row["view_id"]: row for row in entry.run.table("predictions").to_pylist()}
        for entry in board.entries
    ]
    return [
        {
            "image": data_url(picture["jpeg"]),
            "truth": _place(truth[picture["view_id"]], gazetteer),
            "row": truth[picture["view_id"]],
            "answers": [
                _answer(truth[picture["view_id"]], answers[picture["view_id"]], gazetteer)
                for answers in said
            ],
        }
        for picture in pictures
    ]


def _answer(truth: dict[str, Any], said: dict[str, Any], gazetteer: Gazetteer) -> dict[str, Any]:
    distance = None
    if truth["lat"] is not None and said["lat"] is not None:
        distance = float(haversine_km(truth["lat"], truth["lon"], said["lat"], said["lon"]))
    raw = said["raw"] or ""
    return {
        "place": _place(said, gazetteer),
        "right": said["country"] is not None and said["country"] == truth["country"],
        "answered": said["answered"],
        "distance": None if distance is None else f"{distance:,.0f} km away",
        "reasons": said["reasons"] or [],
        "raw": raw[:_RAW_CHARACTERS] + ("…" if len(raw) > _RAW_CHARACTERS else ""),
    }
