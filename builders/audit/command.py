"""What `georeasoner audit` does: the audit, its table on stdout, and the files asked for."""

from __future__ import annotations

import sys
from pathlib import Path

from builders.audit.benchmark import Benchmark
from builders.audit.overlaps import KINDS
from builders.audit.report import write_report
from builders.audit.stage import Audit, Settings, audit, check_suffix, save_overlaps
from georeasoner.lake import Lake

_WIDTH = 100


def audit_command(
    lake: Lake, benchmark: Benchmark, settings: Settings, save: Path | None = None,
    report: Path | None = None,
) -> None:  # fmt: skip
    """Compare, print, write `save` (csv or parquet) and `report` (html)."""
    if save is not None:
        check_suffix(save, ".csv", ".parquet")
    if report is not None:
        check_suffix(report, ".html")
    found = audit(lake, benchmark, settings)
    print_counts(found)
    if save is not None:
        save_overlaps(found, save)
    if report is not None:
        write_report(lake, benchmark, found, report)


def print_counts(found: Audit) -> None:
    """One line per kind of overlap, on stdout."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    record = found.record
    table = Table(title=escape(f"{record['name']} ({record['against_views']:,} views)"))
    table.add_column("overlap")
    for column in ("views of the benchmark", "views of the lake", "pairs"):
        table.add_column(column, justify="right")
    counts = {count["overlap"]: count for count in record["counts"]}
    for kind in KINDS:
        if count := counts.get(kind):
            numbers = (count[c] for c in ("against_views", "views", "pairs"))
            table.add_row(kind, *(f"{n:,}" for n in numbers))
        else:
            table.add_row(kind, "not looked for", "", "")
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH).print(table)
