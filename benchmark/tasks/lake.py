"""`lake:PATH`: every view of a lake, in the order of its pictures."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from benchmark.parquet import picture_bytes
from benchmark.task import TRUTH, Pictures, Task, revision_of, truth_table
from georeasoner.lake import Lake
from georeasoner.registry import register
from scoring.decode import Refusal


@register("task", "lake")
def load(rest: str) -> Task:
    """The task of a lake. Views without a row in `images` come last and have no picture."""
    lake = Lake.open(rest)
    views = lake.read("views", TRUTH.names)
    place = {
        id_: n for n, id_ in enumerate(lake.read("images", ["view_id"])["view_id"].to_pylist())
    }
    order = sorted(
        range(views.num_rows),
        key=lambda n: place.get(views["view_id"][n].as_py(), len(place) + n),
    )
    truth = truth_table(views.take(pa.array(order, pa.int64())))

    def read(wanted: frozenset[str]) -> Pictures:
        for batch in lake.batches("images", batch_rows=16):
            for row in batch.to_pylist():
                if row["view_id"] in wanted:
                    yield row["view_id"], picture_bytes(row, "view_id", lake.root)
        for view_id in truth["view_id"].to_pylist():
            if view_id in wanted and view_id not in place:
                yield view_id, Refusal("no_picture")

    return Task(
        name=Path(rest).resolve().name,
        source=f"lake:{rest}",
        revision=revision_of(views) or lake.state("images"),
        truth=truth,
        read_pictures=read,
        lake=lake,
    )
