"""The report on locatability scores: tables for the terminal, Markdown, JSON, a plot as SVG."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.locatability import COVERAGES, Report, Row
from benchmark.statistics import Estimate
from georeasoner.lake.files import write_bytes, write_json
from georeasoner.progress import log
from georeasoner.provenance import provenance
from scoring.learned.model import THRESHOLDS_KM

SHOWN = {
    "spearman_error": "Spearman with −error", "auroc_25km": "AUROC 25 km",
    "auroc_200km": "AUROC 200 km", "auroc_750km": "AUROC 750 km", "aurc_750km": "AURC 750 km",
    "ece_750km": "ECE 750 km", "brier_750km": "Brier 750 km",
    "spearman_exact": "Spearman with exact, country",
    **{f"spearman_exact_{t:.0f}km": f"{t:.0f} km" for t in THRESHOLDS_KM},
}  # fmt: skip
_WIDTH = 190
_COLOURS = ("#b4552d", "#2d6fb4", "#3c8c4a", "#8a5bb0", "#b08a1e", "#4f8f8f", "#a33c62", "#666666")


def shown(value: Estimate | None) -> str:
    """A measure with its interval; a dash where the score states none."""
    if value is None or value.value is None:
        return "–"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _two_lines(value: Estimate | None) -> str:
    return shown(value).replace(" [", "\n[", 1)


def print_report(report: Report) -> None:
    """One table per model on stdout."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    for model, rows in _by_model(report):
        table = Table(title=f"{escape(model)} ({rows[0].views:,} views, {_base(report, model)})")
        names = _columns(rows)
        table.add_column("score")
        for name in names:
            table.add_column(SHOWN[name], justify="right")
        for row in rows:
            table.add_row(escape(row.score_id), *(_two_lines(row.values.get(n)) for n in names))
        console.print(table)
    console.print(_note(report), style="dim")


def write_report(report: Report, out: Path) -> None:
    """locatability.json, locatability.md and risk_coverage.svg in a folder."""
    write_json(out / "locatability.json", as_dict(report))
    write_bytes(out / "locatability.md", markdown(report).encode())
    write_bytes(out / "risk_coverage.svg", plot(report).encode())
    log(f"validate: {out}")


def as_dict(report: Report) -> dict[str, Any]:
    """Every figure, flat: one object for each score, model and measure."""
    figures, curves = [], []
    for row in report.rows:
        where = {"score_id": row.score_id, "model": row.model}
        for name, value in row.values.items():
            change = row.differences.get(name)
            figures.append({
                **where, "measure": name, **asdict(value),
                "minus_baseline": None if change is None else asdict(change),
            })  # fmt: skip
        for threshold, risks in row.risk.items():
            points = [
                {"coverage": float(c), **asdict(risk)}
                for c, risk in zip(COVERAGES, risks, strict=True)
            ]
            curves.append({**where, "threshold": threshold, "risk": points})
    return {
        "baseline": report.baseline,
        "interval": {**asdict(report.scoring), "confidence": 0.95, "said": _note(report)},
        "excluded": report.excluded,
        "share_within": report.shares_within,
        "best_area": report.best_area,
        "figures": figures,
        "curves": curves,
        "provenance": provenance({}, report.scoring.seed),
    }


def markdown(report: Report) -> str:
    """The tables for people, with the differences to the baseline."""
    parts = ["# Which locatability foretells errors", _note(report)]
    for model, rows in _by_model(report):
        names = _columns(rows)
        parts.append(f"## {model}\n\n{rows[0].views:,} views, {_base(report, model)}.")
        parts.append(_grid(["score", *(SHOWN[n] for n in names)], [
            [f"`{row.score_id}`", *(shown(row.values.get(n)) for n in names)] for row in rows
        ]))  # fmt: skip
        parts.append(f"Minus `{report.baseline}`, paired:")
        compared = [n for n in names if any(n in row.differences for row in rows)]
        parts.append(_grid(["score", *(SHOWN[n] for n in compared)], [
            [f"`{row.score_id}`", *(shown(row.differences.get(n)) for n in compared)]
            for row in rows if row.differences
        ]))  # fmt: skip
    return "\n\n".join(parts) + "\n"


def plot(report: Report) -> str:
    """Risk over coverage as SVG: a row of panels for each model, a panel for each threshold."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("risk_coverage.svg.j2")
    scores = list(dict.fromkeys(row.score_id for row in report.rows))
    colour = {s: _COLOURS[n % len(_COLOURS)] for n, s in enumerate(scores)}
    panels = []
    for number, (model, rows) in enumerate(_by_model(report)):
        for k, threshold in enumerate(THRESHOLDS_KM):
            curves = [(row, row.risk[f"{threshold:.0f}km"]) for row in rows]
            panels.append({
                "x": 60 + 300 * k, "y": 40 + 230 * number,
                "title": f"{model}, {threshold:.0f} km",
                "lines": [
                    {"colour": colour[row.score_id], "band": _band(risk),
                     "points": _points([r.value for r in risk])}
                    for row, risk in curves
                ],
            })  # fmt: skip
    return template.render(
        panels=panels,
        legend=[(score, colour[score]) for score in scores],
        bottom=40 + 230 * len(report.shares_within),
    )


def _points(risks: list[float | None]) -> str:
    """Coverage and risk in pixels of a panel of 240 x 160, risk 0 below."""
    return " ".join(
        f"{240 * c:.1f},{160 * (1 - (r or 0.0)):.1f}" for c, r in zip(COVERAGES, risks, strict=True)
    )


def _band(risks: list[Estimate]) -> str:
    there = _points([r.high for r in risks]).split()
    back = _points([r.low for r in risks]).split()
    return " ".join([*there, *reversed(back)])


def _by_model(report: Report) -> Iterator[tuple[str, list[Row]]]:
    for model in dict.fromkeys(row.model for row in report.rows):
        yield model, [row for row in report.rows if row.model == model]


def _columns(rows: list[Row]) -> list[str]:
    return [name for name in SHOWN if any(name in row.values for row in rows)]


def _base(report: Report, model: str) -> str:
    """What a score that knows nothing, and one that knows all, would get."""
    within = ", ".join(
        f"{share:.1%} within {t:.0f} km"
        for share, t in zip(report.shares_within[model], THRESHOLDS_KM, strict=True)
    )
    risk, best = 1 - report.shares_within[model][2], report.best_area[model][2]
    return f"{within}; AURC 750 km at random {risk:.3f}, at best {best:.3f}"


def _note(report: Report) -> str:
    left_out = ", ".join(f"{reason} {n:,}" for reason, n in report.excluded.items())
    over = {"view": "views", "sequence": "sequences", "cell": "H3 cells"}[report.scoring.cluster]
    return (
        f"95 % percentile bootstrap over {over}, {report.scoring.resamples:,} resamples, seed"
        f" {report.scoring.seed}; all scores on the same views; left out: {left_out}"
    )


def _grid(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
