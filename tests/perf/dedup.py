"""Time, memory, precision and recall of `dedup` on planted duplicates; run by `make perf-dedup`.

    python tests/perf/dedup.py --sizes 10000,100000,1000000 [--method ivf] [--json FILE]

Of every size a lake is made (`planted.py`); a fresh process runs the stage on it and says how long
it took and how much memory; another compares the result with the truth, and what the search finds
for 10,000 sampled views with what exhaustive search does. `--against imagededup` compares with
that tool on pictures; see `dedup_images.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rivals import BUILD, rival_python

THRESHOLD = 0.95


def make(folder: Path, size: int, seed: int) -> dict[str, Any]:
    """The lake."""
    from planted import Planted

    planted = Planted(size, seed)
    planted.write(folder)
    return {}


def stage(folder: Path, method: str) -> dict[str, Any]:
    """The stage as the command line runs it."""
    import duckdb  # noqa: F401  (imported before the clock starts, like all it needs)
    import faiss  # noqa: F401
    import scipy.sparse  # noqa: F401

    from georeasoner.lake import Lake
    from scoring.duplicates.stage import dedup

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    dedup(Lake.open(folder), method=method, threshold=THRESHOLD)
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu,
        "start_mb": before / 1024,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def compare(folder: Path, size: int, seed: int, method: str, queries: int) -> dict[str, Any]:
    """The result beside the truth, the search beside the exhaustive one."""
    from planted import Planted

    from georeasoner.lake import Lake
    from scoring.search.index import choose_method
    from scoring.search.neighbours import neighbours

    planted = Planted(size, seed)
    said = planted.compare(Lake.open(folder))
    if method == "auto":
        import faiss

        method = choose_method(size, size // 2, faiss.get_num_gpus())
    rng = np.random.default_rng(seed)
    asked = np.sort(rng.choice(size, min(queries, size), replace=False))
    found = {}
    for name in {method, "flat"}:
        hits = neighbours(planted.vectors, planted.vectors[asked], THRESHOLD, name, name)
        found[name] = np.concatenate([asked[h.query] * size + h.found for h in hits])
    query, other = np.divmod(found["flat"], size)
    others = found["flat"][query != other]  # every view finds itself
    hit = np.isin(others, found[method])
    each = np.bincount(others // size, minlength=size)
    share = np.bincount(others // size, hit, minlength=size)[each > 0] / each[each > 0]
    strangers = (planted.of[query] != planted.of[other])[query != other]
    return said | {
        "method": method,
        "queries": len(asked),
        "search_recall": float(hit.mean()),  # of pairs, most of them in crowds
        "query_recall": float(share.mean()),  # the mean over queries with a neighbour
        "neighbours": len(others),
        "strangers": int(strangers.sum()),  # near-misses above the threshold: the data's fault
    }


def in_a_process(*words: Any) -> dict[str, Any]:
    """What this script prints under a step's name."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", *map(str, words)], stdout=subprocess.PIPE, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(scratch: Path, size: int, seed: int, method: str, queries: int) -> dict[str, Any]:
    """All figures of one size."""
    folder = scratch / str(size)
    shutil.rmtree(folder, ignore_errors=True)
    in_a_process("make", folder, size, seed)
    load = os.getloadavg()[0]
    said = in_a_process("stage", folder, method)
    said |= in_a_process("compare", folder, size, seed, method, queries)
    shutil.rmtree(folder)
    said["bytes_per_view"] = (said["peak_mb"] - said["start_mb"]) * 2**20 / size
    return {"size": size, "load_before": load} | said


def growth(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """log(t2 / t1) / log(n2 / n1) between neighbouring sizes."""
    return [
        {
            "from": a["size"],
            "to": b["size"],
            "exponent": float(np.log(b["wall_s"] / a["wall_s"]) / np.log(b["size"] / a["size"])),
        }
        for a, b in pairwise(results)
    ]


def table(results: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "| views | search | recall | precision | of pairs | of queries | conflicts | crowds |"
        " time s | CPU s | peak MB | bytes a view |",
        "| --- " * 12 + "|",
    ]
    for r in results:
        cells = [
            f"{r['size']:,}", r["method"],
            *(f"{r[k]:.4f}" for k in ("recall", "precision", "search_recall", "query_recall")),
            f"{r['conflicts_found']}/{r['conflicts_planted']}",
            f"{r['crowds_whole']}/{r['crowds_planted']}",
            f"{r['wall_s']:.1f}", f"{r['cpu_s']:.1f}",
            f"{r['peak_mb']:,.0f}", f"{r['bytes_per_view']:,.0f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def step(words: list[str]) -> dict[str, Any]:
    """One part of a measurement, in this process."""
    name, folder = words[0], Path(words[1])
    if name == "make":
        return make(folder, int(words[2]), int(words[3]))
    if name == "stage":
        return stage(folder, words[2])
    return compare(folder, int(words[2]), int(words[3]), words[4], int(words[5]))


def main() -> None:
    """Measure, and print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--scratch", type=Path, default=BUILD / "dedup")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--against", choices=["imagededup"])
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        sys.stdout.write(json.dumps(step(options.step)))
        return
    options.scratch.mkdir(parents=True, exist_ok=True)
    if options.against:
        from dedup_images import against

        said = against(options.scratch, str(rival_python(options.against)), options.seed)
    else:
        results = []
        for size in map(int, options.sizes.split(",")):
            results.append(
                measure(options.scratch, size, options.seed, options.method, options.queries)
            )
            sys.stdout.write(table(results[-1:]) + "\n")
            sys.stdout.flush()
        said = {"seed": options.seed, "results": results, "growth": growth(results)}
        sys.stdout.write(table(results) + "\n")
    text = json.dumps(said, indent=1)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
