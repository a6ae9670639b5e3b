"""Scoring what another system predicted: a file of answers in, a run like any other out.

The file (CSV or Parquet) has `view_id` and any of `lat` with `lon`, `country`, `city`, `raw` (text
that the parser of answers reads). A view that it leaves out counts as unanswered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmark.examples import example_table
from benchmark.run import PREDICTIONS, REJECTS, Row, close_run, prediction_row
from benchmark.runs import Run, open_run, run_id_of
from benchmark.task import Task, load_task
from benchmark.tasks.table import read_table
from georeasoner.answers import Answer, parse
from georeasoner.errors import InputError
from georeasoner.gazetteer import Gazetteer
from georeasoner.geodesy import position_problem
from georeasoner.lake.files import write_json, write_parquet
from georeasoner.progress import log
from georeasoner.provenance import file_sha256, provenance

ANSWERS = ("raw", "country", "city", "lat", "lon")


def import_predictions(
    file: str | Path,
    task: Task | str,
    out: str | Path,
    *,
    name: str | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Run:
    """A run from a file of predictions, called `name` (default: the file's name).

    Raises `InputError` for a file without usable columns, with a view twice, with a position that
    cannot be, or with no view of the task. Ids that the task does not have are listed in the log
    and in the run's rejects; missing ones are counted as unanswered.
    """
    path = Path(file)
    asked = load_task(task, limit) if isinstance(task, str) else task.first(limit)
    rows, columns = answer_table(path)
    said, unknown = _match(path, rows.select(["view_id", *columns]).to_pylist(), asked)
    title = name or path.stem
    depends_on = {
        "model": "predictions",
        "model_id": f"{path.name}@{file_sha256(path)[:12]}",
        "settings": {},
        "task": asked.identity(),
    }
    folder = Path(out) / run_id_of(title, depends_on)
    record = {
        "run_id": folder.name, "name": title, "oracle": False, "synthetic_only": False,
        **depends_on, "provenance": provenance({}, seed),
    }  # fmt: skip
    rejects = [
        {"stage": "benchmark", "input_id": i, "reason": "unknown_view_id", "detail": ""}
        for i in unknown
    ]
    answers = _answers(folder.name, asked, said, path)
    write_json(folder / "run.json", {**record, "status": "running"})
    write_parquet(folder / "truth.parquet", asked.truth)
    write_parquet(folder / "predictions.parquet", answers)
    write_parquet(folder / "rejects.parquet", pa.Table.from_pylist(rejects, REJECTS))
    write_parquet(folder / "examples.parquet", example_table(asked, seed))
    close_run(folder, record, answers, REJECTS.empty_table())
    return open_run(folder)


def _match(path: Path, rows: list[Row], task: Task) -> tuple[dict[str, Row], list[str]]:
    """The rows by view id, and the ids that the task does not have."""
    times = Counter(row["view_id"] for row in rows)
    doubled = [view_id for view_id, n in times.items() if n > 1]
    if doubled:
        raise InputError(
            f"{path} has {len(doubled)} view ids more than once: {_some(doubled)}",
            "one row for each view",
        )
    ids = set(task.view_ids)
    unknown = [view_id for view_id in times if view_id not in ids]
    if len(unknown) == len(rows):
        raise InputError(
            f"none of the {len(rows)} view ids of {path} is in {task.name}, such as "
            f"{_some(unknown)}",
            f"ids such as {_some(task.view_ids[:2])}",
        )
    if unknown:
        log(f"benchmark: {len(unknown)} view ids are not in {task.name}: {_some(unknown)}")
    missing = [view_id for view_id in task.view_ids if view_id not in times]
    if missing:
        log(f"benchmark: {len(missing)} of {len(task)} views are missing from {path} and count as "
            f"unanswered: {_some(missing)}")  # fmt: skip
    return {row["view_id"]: row for row in rows if row["view_id"] in ids}, unknown


def _some(ids: Sequence[str], most: int = 5) -> str:
    return ", ".join(repr(i) for i in ids[:most]) + (" ..." if len(ids) > most else "")


def _answers(run_id: str, task: Task, said: dict[str, Row], path: Path) -> pa.Table:
    gazetteer = Gazetteer.load()
    unread: Counter[str] = Counter()
    rows = []
    for view_id in task.view_ids:
        row: dict[str, Any] = said.get(view_id, {})
        answer = answer_of(row, gazetteer, unread, path)
        rows.append(prediction_row(run_id, task.name, view_id, answer, gazetteer, row.get("raw")))
    if unread:
        log(f"benchmark: {unread.total()} countries are not known and count as unanswered: "
            f"{_some(list(unread))}")  # fmt: skip
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def answer_table(path: Path) -> tuple[pa.Table, list[str]]:
    """A file of predictions and which of `ANSWERS` it has.

    Raises `InputError` for a file without any, or with lat but no lon.
    """
    rows, _ = read_table(path, without=("image", "bytes"))
    columns = [c for c in ANSWERS if c in rows.column_names]
    if not columns or ("lat" in columns) != ("lon" in columns):
        raise InputError(
            f"{path} has the columns {', '.join(rows.column_names[:8])}",
            "view_id and lat with lon, country, city or raw",
        )
    return rows, columns


def answer_of(row: Row, gazetteer: Gazetteer, unread: Counter[str], path: Path) -> Answer:
    """Columns win over what `raw` says."""
    answer = parse(row["raw"]) if row.get("raw") else Answer()
    country, city = answer.country, row.get("city") or answer.city
    if row.get("country"):
        country = gazetteer.country(row["country"])
        if country is None:
            unread[row["country"]] += 1
    lat, lon = row.get("lat"), row.get("lon")
    problem = position_problem(lat, lon)
    if problem == "coordinates_out_of_range":
        raise InputError(
            f"{path}: view {row['view_id']} is placed at ({lat}, {lon})",
            "latitude in [-90, 90] and longitude in [-180, 180] degrees",
        )
    if problem:
        lat, lon = answer.lat, answer.lon
    return Answer(country=country, city=city, reasons=answer.reasons, lat=lat, lon=lon)
