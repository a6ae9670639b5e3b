"""Predictions from anywhere as one table: runs of `benchmark` and files in; who said what out.

A source is the folder of a run, a folder of runs, or a file (CSV or Parquet) with `view_id`, any of
`lat` with `lon`, `country`, `city`, `raw`, and where several models are in it `model` or `run_id`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmark.imported import answer_of, answer_table
from benchmark.runs import Run, load_runs, open_run
from georeasoner.answers import position
from georeasoner.errors import InputError
from georeasoner.gazetteer import Gazetteer
from georeasoner.progress import log

PREDICTED = pa.schema([
    ("model", pa.string()), ("view_id", pa.string()), ("lat", pa.float64()), ("lon", pa.float64())
])  # fmt: skip


def read_predictions(sources: Sequence[str | Path]) -> pa.Table:
    """Rows of `PREDICTED`: a view that a model was asked about; lat and lon are null where it said
    no place. Raises `InputError` for a source that is none, or a view that a model has twice.
    """
    rows = [row for source in sources for row in _rows(Path(source))]
    if not rows:
        raise InputError(f"no predictions in {_listed(sources)}", "rows with view_id and a place")
    times = Counter((row["model"], row["view_id"]) for row in rows)
    (model, view_id), most = times.most_common(1)[0]
    if most > 1:
        raise InputError(
            f"{model} has {most} answers to view {view_id} in {_listed(sources)}",
            "one row for each model and view",
            "name each run once; a file with several models needs a column model",
        )
    found = pa.Table.from_pylist(rows, schema=PREDICTED)
    counts = Counter(row["model"] for row in rows)
    log(f"predictions: {', '.join(f'{name} {n:,}' for name, n in sorted(counts.items()))}")
    return found


def _listed(sources: Sequence[str | Path]) -> str:
    return ", ".join(str(source) for source in sources)


def _rows(source: Path) -> Iterator[dict[str, Any]]:
    if (source / "run.json").is_file():
        yield from _of_run(open_run(source))
    elif source.is_dir():
        for run in load_runs(source):  # one name on several tasks is one model
            yield from _of_run(run)
    else:
        yield from _of_file(source)


def _of_run(run: Run) -> Iterator[dict[str, Any]]:
    for row in run.table("predictions").select(["view_id", "lat", "lon"]).to_pylist():
        yield {"model": run.name, **row}


def _of_file(path: Path) -> Iterator[dict[str, Any]]:
    rows, columns = answer_table(path)
    who = next((c for c in ("model", "run_id") if c in rows.column_names), None)
    gazetteer, unread = Gazetteer.load(), Counter[str]()
    for row in rows.select(["view_id", *columns, *([who] if who else [])]).to_pylist():
        place, _ = position(answer_of(row, gazetteer, unread, path), gazetteer)
        yield {
            "model": str(row[who]) if who else path.stem,
            "view_id": row["view_id"],
            "lat": place.lat if place else None,
            "lon": place.lon if place else None,
        }
    if unread:
        log(f"{path}: {unread.total()} countries are not known and count as unanswered")
