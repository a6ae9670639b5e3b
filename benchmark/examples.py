"""A few small pictures of a task, for people to look at: drawn before any model has answered.

Only views that may be redistributed are drawn, since the page they end on is made to be shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from georeasoner.errors import InputError
from georeasoner.progress import log
from scoring.thumbnails import thumbnail

if TYPE_CHECKING:
    from benchmark.task import Task

EXAMPLES = 12
SCHEMA = pa.schema([("view_id", pa.string()), ("jpeg", pa.binary())])


def example_table(task: Task, seed: int) -> pa.Table:
    """Up to 12 thumbnails (view_id, jpeg), at most 200 px wide and high, drawn by the seed."""
    shareable = pc.fill_null(task.truth["redistributable"], True)
    ids = task.truth["view_id"].filter(shareable).to_pylist()
    drawn = np.random.default_rng(seed).permutation(len(ids))[: 2 * EXAMPLES]
    wanted = [ids[n] for n in drawn]
    thumbnails: dict[str, bytes] = {}
    try:
        for view_id, data in task.read_pictures(frozenset(wanted)):
            if isinstance(data, bytes) and (small := thumbnail(data)):
                thumbnails[view_id] = small
    except InputError as error:
        log(f"benchmark: no example pictures: {error}")
    rows = [{"view_id": i, "jpeg": thumbnails[i]} for i in wanted if i in thumbnails]
    return pa.Table.from_pylist(rows[:EXAMPLES], schema=SCHEMA)
