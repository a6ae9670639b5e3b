"""Asking a model a task: predictions on disk, resumable, then scores with intervals.

Views are answered in fixed groups, each written as a whole and never asked again, so a run that was
killed and started again gives the answers of one that was not. A run's folder is named by what
determines its answers: the model's weights, its adapters and settings, and the task.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmark.candidates import Candidates
from benchmark.examples import example_table
from benchmark.model import Model, Prediction, Setup, View, make_model, model_kind
from benchmark.runs import Run, open_run, run_id_of
from benchmark.task import Pictures, Task, load_task
from georeasoner.answers import Answer, parse, position
from georeasoner.errors import ConfigError, IntegrityError, LakeLockedError
from georeasoner.gazetteer import Gazetteer
from georeasoner.lake.files import write_json, write_parquet
from georeasoner.progress import log, track
from georeasoner.provenance import provenance
from georeasoner.records import table
from scoring.decode import Refusal, safe_open

GROUP_VIEWS = 64
PREDICTIONS = table("predictions").schema
REJECTS = table("rejects").schema
Row = dict[str, Any]


def run(
    model: str,
    task: Task | str,
    out: str | Path,
    adapters: Sequence[str | Path] = (),
    *,
    name: str | None = None,
    train: Task | str | None = None,
    candidates: Candidates | str | None = None,
    limit: int | None = None,
    device: str | None = None,
    batch_size: int = 8,
    max_new_tokens: int = 256,
    neighbours: int = 1,
    seed: int = 0,
) -> Run:
    """Let a model answer a task; what an earlier call has answered is kept.

    `model` is NAME or NAME:ID, `task` a task or its specification, `name` how the leaderboard calls
    the model. `train` is what models such as `prior` and `nearest` learn from (for a task
    `dataset:PATH#SPLIT` its `train` split unless given), `candidates` the places `clip-zeroshot`
    chooses among (a CSV or a task). `seed` draws the example views. Raises
    `UserError`s for what the user can mend.
    """
    asked = load_task(task, limit) if isinstance(task, str) else task.first(limit)
    if candidates is not None and not isinstance(candidates, Candidates):
        candidates = Candidates.load(candidates, Gazetteer.load())
    setup = Setup(
        adapters=tuple(Path(a) for a in adapters),
        train=_training(model, asked, train),
        candidates=candidates,
        device=device,
        batch_size=batch_size,
        max_new_tokens=max_new_tokens,
        neighbours=neighbours,
    )
    made = make_model(model, setup)
    if made.synthetic_only and not asked.identity()["synthetic"]:
        log(f"benchmark: {made.id} knows a synthetic world: on real views its answers mean nothing")
    answers_depend_on = {
        "model": model.partition(":")[0],
        "model_id": made.id,
        "settings": made.settings(),
        "task": asked.identity(),
    }
    title = name or model
    folder = Path(out) / run_id_of(title, answers_depend_on)
    record = {
        "run_id": folder.name,
        "name": title,
        "oracle": made.oracle,
        "synthetic_only": made.synthetic_only,
        **answers_depend_on,
        "provenance": provenance({"batch_size": batch_size, "device": device}, seed),
    }
    return _complete(folder, record, asked, made, seed)


def _training(model: str, task: Task, train: Task | str | None) -> Task | None:
    """What a baseline learns from. Raises `ConfigError` when views of the task are in it."""
    if not model_kind(model).learns:
        return None
    if train is None and task.source.startswith(("dataset:", "hf:")) and task.split != "train":
        train = f"{task.source.rpartition('#')[0]}#train"
    if train is None:
        return None
    learnt = load_task(train) if isinstance(train, str) else train
    shared = set(learnt.view_ids) & set(task.view_ids)
    if shared:
        raise ConfigError(
            f"{len(shared)} views of the task are in the training data {learnt.source}",
            "training data without them",
            "give another --train",
        )
    return learnt


def _complete(folder: Path, record: dict[str, Any], task: Task, model: Model, seed: int) -> Run:
    """Answer what is missing and close the run; the record says "complete" when all is on disk."""
    path = folder / "run.json"
    with _alone(folder):
        if path.is_file() and json.loads(path.read_text())["status"] == "complete":
            log(f"benchmark: {record['name']} has answered {task.name} before")
            shutil.rmtree(folder / "parts", ignore_errors=True)
            return open_run(folder)
        write_json(path, {**record, "status": "running"})
        write_parquet(folder / "truth.parquet", task.truth)
        answers, rejects = _answer_all(folder, record["run_id"], task, model)
        write_parquet(folder / "predictions.parquet", answers)
        write_parquet(folder / "rejects.parquet", rejects)
        write_parquet(folder / "examples.parquet", example_table(task, seed))
        close_run(folder, record, answers, rejects)
        shutil.rmtree(folder / "parts")
    return open_run(folder)


def close_run(folder: Path, record: dict[str, Any], answers: pa.Table, rejects: pa.Table) -> None:
    """Write the complete record: the sum of what became of the views, and when."""
    answered = pc.sum(answers["answered"]).as_py() or 0
    counts = {
        "views": answers.num_rows,
        "answered": answered,
        "unanswered": answers.num_rows - answered - rejects.num_rows,
        "rejected": dict(Counter(rejects["reason"].to_pylist())),
    }
    completed = datetime.now(UTC).isoformat(timespec="microseconds")
    done = {**record, "status": "complete", "counts": counts, "completed_at": completed}
    write_json(folder / "run.json", done)
    why = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts["rejected"].items()))
    log(
        f"benchmark: {record['name']}: {answers.num_rows:,} views = {answered:,} answered + "
        f"{counts['unanswered']:,} unanswered + {rejects.num_rows:,} rejected"
        + (f" ({why})" if why else "")
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise LakeLockedError(
            f"{folder} is being written by another process", "one at a time", "wait for it to end"
        ) from None


def _answer_all(folder: Path, run_id: str, task: Task, model: Model) -> tuple[pa.Table, pa.Table]:
    """Predictions and rejects for all views in order, from the parts there and those missing."""
    parts = folder / "parts"
    ids = task.view_ids
    groups = {f"{n:08d}": ids[n : n + GROUP_VIEWS] for n in range(0, len(ids), GROUP_VIEWS)}
    missing = {key: group for key, group in groups.items() if not _part(parts, key).is_file()}
    if missing and len(missing) < len(groups):
        log(f"benchmark: {len(groups) - len(missing)} of {len(groups)} groups are there already")
    asker = _Asker(run_id, task, model)
    for key in track(missing, f"{run_id}: groups of {GROUP_VIEWS} views"):
        answers, rejects = asker.ask(missing, key)
        if rejects:
            write_parquet(_part(parts, key, "rejects"), pa.Table.from_pylist(rejects, REJECTS))
        write_parquet(_part(parts, key), pa.Table.from_pylist(answers, PREDICTIONS))
    refused = sorted(parts.glob("*.rejects.parquet"))
    return (
        pa.concat_tables(pq.read_table(_part(parts, key)) for key in groups),
        pa.concat_tables([REJECTS.empty_table(), *(pq.read_table(p) for p in refused)]),
    )


def _part(folder: Path, key: str, kind: str = "predictions") -> Path:
    return folder / f"{key}.{kind}.parquet"


class _Asker:
    """Asks a model group by group, with one pass over the task's pictures."""

    def __init__(self, run_id: str, task: Task, model: Model) -> None:
        self._run_id, self._task, self._model = run_id, task, model
        self._gazetteer = Gazetteer.load()
        self._pictures: Pictures | None = None
        extra = task.truth["extra"].to_pylist() if model.oracle else [None] * len(task)
        self._extra: dict[str, str | None] = dict(zip(task.view_ids, extra, strict=True))

    def ask(self, groups: dict[str, list[str]], key: str) -> tuple[list[Row], list[Row]]:
        """Rows of predictions, one per view of the group, and of rejects."""
        if self._pictures is None:
            wanted = frozenset(view_id for group in groups.values() for view_id in group)
            self._pictures = self._task.read_pictures(wanted)
        group = groups[key]
        rejects: list[Row] = []
        views = self._views(list(islice(self._pictures, len(group))), rejects)
        said = {p.view_id: self._row(p) for p in self._model.predict(views)}
        refused = {row["input_id"] for row in rejects}
        for view_id in refused:
            said[view_id] = self._row(Prediction(view_id, answer=Answer()))
        if set(said) != set(group):
            lost = sorted(set(group) ^ set(said))
            raise IntegrityError(f"{self._model.id} and the views do not match: {lost[:3]}")
        return [said[view_id] for view_id in group], rejects

    def _views(
        self, pictures: list[tuple[str, bytes | Refusal]], rejects: list[Row]
    ) -> Iterator[View]:
        for view_id, data in pictures:
            image = data if isinstance(data, Refusal) else safe_open(data)
            if isinstance(image, Refusal):
                rejects.append({
                    "stage": "benchmark", "input_id": view_id,
                    "reason": image.reason, "detail": image.detail,
                })  # fmt: skip
            else:
                yield View(view_id, image, self._extra[view_id])

    def _row(self, prediction: Prediction) -> Row:
        answer = prediction.answer or parse(prediction.raw or "")
        return prediction_row(
            self._run_id, self._task.name, prediction.view_id, answer, self._gazetteer,
            prediction.raw, prediction.latency_s,
        )  # fmt: skip


def prediction_row(
    run_id: str,
    task: str,
    view_id: str,
    answer: Answer,
    gazetteer: Gazetteer,
    raw: str | None = None,
    latency_s: float | None = None,
) -> Row:
    """A row of `predictions`: the answer, and the position it stands for."""
    place, source = position(answer, gazetteer)
    return {
        "run_id": run_id,
        "task": task,
        "view_id": view_id,
        "answered": answer.answered,
        "lat": place.lat if place else None,
        "lon": place.lon if place else None,
        "position_source": source,
        "country": answer.country,
        "city": answer.city,
        "reasons": list(answer.reasons),
        "raw": raw,
        "latency_s": latency_s,
    }


def benchmark_command(
    task: str,
    out: Path,
    model: str | None = None,
    adapters: Sequence[Path] = (),
    predictions: Path | None = None,
    name: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    **settings: Any,
) -> None:
    """What `georeasoner benchmark` does: answer or import, score, print the metrics."""
    from benchmark.imported import import_predictions
    from benchmark.leaderboard import print_metrics
    from benchmark.score import Scoring, score_run

    if (model is None) == (predictions is None):
        raise ConfigError("both or neither of --model and --predictions", "exactly one of them")
    if predictions is not None:
        if adapters:
            raise ConfigError("--adapter with --predictions", "adapters go with a model")
        done = import_predictions(predictions, task, out, name=name, limit=limit, seed=seed)
    else:
        done = run(str(model), task, out, adapters, name=name, limit=limit, seed=seed, **settings)
    score_run(done, Scoring(seed=seed))
    print_metrics(done, Scoring(seed=seed))
