"""The commands of a locatability that predicts: fit-locatability, validate-locatability."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from georeasoner.cli.main import app

LakeArgument = Annotated[Path, typer.Argument(help="The lake's directory.")]
Predictions = Annotated[
    list[Path],
    typer.Option(help="A run, a folder of runs, or a csv or parquet of answers; again for more."),
]


@app.command("fit-locatability")
def fit_locatability(
    lake: LakeArgument,
    predictions: Predictions,
    out: Annotated[Path, typer.Option(help="The model's folder; made by this command.")],
    scores: Annotated[
        str | None, typer.Option(help="score_id with the class shares, where there are several.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Whose embeddings, where there are several.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Parts of the globe that are held out in turn.")] = 10,
    neighbourhood: Annotated[
        Literal["wide", "cell"],
        typer.Option(
            help="What no view is scored by a fit that saw: some 60 km around it, or the cell of"
            " 36 km2 that data sets are split by."
        ),
    ] = "wide",
    features: Annotated[
        int, typer.Option(help="Random Fourier features; more for more than 20,000 views.")
    ] = 1024,
    seed: Annotated[int, typer.Option(help="Of the folds and the random features.")] = 0,
) -> None:
    """Learn from models' errors how locatable a view is; `score --scorer learned` applies it.

    Example: `georeasoner fit-locatability LAKE --predictions RUNS --out locatability`
    """
    from benchmark.predicted import read_predictions
    from georeasoner.lake import Lake
    from scoring.learned.fit import fit_locatability as run

    run(
        Lake.open(lake), read_predictions(predictions), out, model=model, scores=scores,
        seed=seed, folds=folds, features=features, neighbourhood=neighbourhood,
    )  # fmt: skip


@app.command("validate-locatability")
def validate_locatability(
    lake: LakeArgument,
    predictions: Predictions,
    scores: Annotated[
        list[str] | None,
        typer.Option(
            help="score_id; again for more, the first is what the others are compared to."
        ),
    ] = None,
    cluster: Annotated[
        Literal["view", "sequence", "cell"],
        typer.Option(help="What the bootstrap draws: views, or whole sequences or H3 cells."),
    ] = "sequence",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    resamples: Annotated[int, typer.Option(help="Draws of the bootstrap.")] = 2000,
    out: Annotated[Path | None, typer.Option(help="Folder for the report and the plot.")] = None,
) -> None:
    """How well every score of a lake foretells the errors of several models, with intervals.

    Example: `georeasoner validate-locatability LAKE --predictions RUNS --out report`
    """
    from benchmark.locatability import validate
    from benchmark.locatability_report import print_report, write_report
    from benchmark.predicted import read_predictions
    from benchmark.score import Scoring
    from georeasoner.lake import Lake

    scoring = Scoring(seed=seed, resamples=resamples, cluster=cluster)
    report = validate(Lake.open(lake), read_predictions(predictions), scores or (), scoring)
    if out is not None:
        write_report(report, out)
    print_report(report)
