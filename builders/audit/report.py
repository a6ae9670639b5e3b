"""The audit's page: overlaps in, one self-contained HTML text with the pictures side by side out.

Whether two pictures are the same is for a person to say. The page is for whoever holds both sides:
it shows pictures that may not be handed on, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from builders.audit.benchmark import SHOWN, Benchmark
from builders.audit.overlaps import KINDS
from builders.audit.stage import Audit
from georeasoner.errors import InputError
from georeasoner.lake import Lake, read_image
from georeasoner.lake.files import write_bytes
from georeasoner.progress import log
from georeasoner.provenance import code_revision
from scoring.thumbnails import data_url, thumbnail

SIDE_PX = 320
_HERE = Path(__file__).resolve().parent / "templates"
_LOOK = 100  # rows looked through for each pair shown
_WORST = {"same_picture": ("similarity", "descending"), "same_phash": ("phash_bits", "ascending")}
_TITLES = {
    "same_id": "The same id", "same_file": "The same file", "same_picture": "The same picture",
    "same_phash": "The same perceptual hash", "same_sequence": "The same sequence",
    "same_place": "The same place", "same_author": "The same author",
    "same_cell": "The same neighbourhood",
}  # fmt: skip
Row = dict[str, Any]


def write_report(
    lake: Lake, benchmark: Benchmark, found: Audit, path: Path, pairs_per_kind: int = 12
) -> None:
    """Write the page, with at most so many pairs of each kind, the closest first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, render(lake, benchmark, found, pairs_per_kind).encode())
    log(f"audit: {path} shows up to {pairs_per_kind} pairs of each kind")


def render(lake: Lake, benchmark: Benchmark, found: Audit, pairs_per_kind: int) -> str:
    """The page's HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    shown = {kind: _closest(found, kind, pairs_per_kind) for kind in KINDS}
    pairs = [row for rows in shown.values() for row in rows]
    mine = _lake_side(lake, {row["view_id"] for row in pairs})
    theirs = _benchmark_side(benchmark, {row["against_id"] for row in pairs})
    counts = {count["overlap"]: count for count in found.record["counts"]}
    kinds = [
        {
            "name": kind, "title": _TITLES[kind], "count": counts[kind],
            "pairs": [
                {
                    "facts": _facts(row), "views": [
                        {"side": "lake", "id": row["view_id"], **mine[row["view_id"]]},
                        {"side": "benchmark", "id": row["against_id"],
                         **theirs[row["against_id"]]},
                    ],
                }
                for row in shown[kind]
            ],
        }
        for kind in KINDS if kind in counts
    ]  # fmt: skip
    everyone = [*mine.values(), *theirs.values()]
    return environment.get_template("audit.html.j2").render(
        lake=lake.root.resolve().name, audit=found.record, kinds=kinds,
        not_looked_for=[kind for kind in KINDS if kind not in counts],
        synthetic=bool(everyone) and all(view["synthetic"] for view in everyone),
        withheld=sum(view["redistributable"] is False for view in everyone),
        code_revision=code_revision(),
    )  # fmt: skip


def _closest(found: Audit, kind: str, most: int) -> list[Row]:
    """The closest pairs of a kind, no view twice: one with many partners would fill the page."""
    rows = found.overlaps.filter(pc.equal(found.overlaps["overlap"], kind))
    column, order = _WORST.get(kind, ("distance_km", "ascending"))
    ranked = rows.sort_by([(column, order), ("view_id", "ascending")])  # nulls come last
    chosen: list[Row] = []
    mine: set[str] = set()
    theirs: set[str] = set()
    for row in ranked.slice(0, _LOOK * most).to_pylist():
        if len(chosen) < most and row["view_id"] not in mine and row["against_id"] not in theirs:
            chosen.append(row)
            mine.add(row["view_id"])
            theirs.add(row["against_id"])
    return chosen


def _facts(row: Row) -> str:
    distance, parts = row["distance_km"], []
    if row["similarity"] is not None:
        parts.append(f"cosine {row['similarity']:.3f}")
    if row["phash_bits"] is not None:
        parts.append(f"{row['phash_bits']} of 64 bits differ")
    if distance is not None:
        parts.append(
            f"{distance * 1000:,.0f} m apart" if distance < 1 else f"{distance:,.1f} km apart"
        )
    return " · ".join(parts) or "at an unknown distance"


def _lake_side(lake: Lake, ids: set[str]) -> dict[str, Row]:
    connection = lake.connect()
    columns = ", ".join(("view_id", "lat", "lon", *SHOWN))
    views, images = (
        connection.sql(query, params={"ids": sorted(ids)}).to_arrow_table().to_pylist()
        for query in (
            f"SELECT {columns} FROM views WHERE view_id IN (SELECT unnest($ids::VARCHAR[]))",
            "SELECT * FROM images WHERE view_id IN (SELECT unnest($ids::VARCHAR[]))",
        )
    )

    def pictures() -> Iterator[tuple[str, object]]:
        for row in images:
            try:
                yield row["view_id"], read_image(row, lake.root)
            except InputError as error:
                log(f"audit: {error}")

    return _side(views, pictures())


def _benchmark_side(benchmark: Benchmark, ids: set[str]) -> dict[str, Row]:
    columns = ["view_id", "lat", "lon", *SHOWN]
    views = [r for r in benchmark.truth.select(columns).to_pylist() if r["view_id"] in ids]

    def pictures() -> Iterator[tuple[str, object]]:
        try:
            yield from benchmark.read_pictures(frozenset(ids))
        except InputError as error:
            log(f"audit: {error.found}; the page is without the benchmark's pictures")

    return _side(views, pictures())


def _side(views: list[Row], pictures: Iterator[tuple[str, object]]) -> dict[str, Row]:
    """What the page says of each view, by its id."""
    small = {i: thumbnail(d, SIDE_PX) for i, d in pictures if isinstance(d, bytes)}
    return {
        view["view_id"]: view | {"image": (jpeg := small.get(view["view_id"])) and data_url(jpeg)}
        for view in views
    }
