"""The commands that make and compare models: finetune, benchmark, leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from georeasoner.cli.main import app


@app.command()
def finetune(
    recipe: Annotated[Path, typer.Argument(help="A YAML file, such as configs/georeasoner.yaml.")],
    stage: Annotated[
        str | None, typer.Option(help="reasoning or location; both where left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Overrides the recipe's output.")] = None,
) -> None:
    """Train the two stacked LoRA stages: reasoning first, then location.

    Example: `georeasoner finetune configs/georeasoner.yaml --stage reasoning`
    """
    from finetune.train import finetune as run

    run(recipe, stage=stage, out=out)


@app.command()
def benchmark(
    task: Annotated[str, typer.Option(help="dataset:PATH#SPLIT, lake:PATH, or a table of views.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs.")],
    model: Annotated[str | None, typer.Option(help="Name of a model, NAME or NAME:ID.")] = None,
    adapter: Annotated[
        list[Path] | None, typer.Option(help="LoRA folder; again for a stack, first one first.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Score another system's answers (csv or parquet).")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name on the leaderboard.")] = None,
    train: Annotated[
        str | None, typer.Option(help="What nearest and prior learn from (the task's own #train).")
    ] = None,
    candidates: Annotated[
        str | None, typer.Option(help="Places for clip-zeroshot: a csv (country, city) or a task.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    limit: Annotated[int | None, typer.Option(help="Only the first N views.")] = None,
    batch_size: Annotated[int, typer.Option(help="Views at a time.")] = 8,
    max_new_tokens: Annotated[int, typer.Option(help="Length of an answer.")] = 256,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
) -> None:
    """Predict and score, resumable; or score what another system predicted.

    Example: `georeasoner benchmark --model vlm:Qwen/Qwen2.5-VL-7B-Instruct --task dataset:D#test
    --out RUNS`
    """
    from benchmark.run import benchmark_command

    benchmark_command(
        task=task, out=out, model=model, adapters=tuple(adapter or ()), predictions=predictions,
        name=name, seed=seed, limit=limit, train=train, candidates=candidates,
        batch_size=batch_size, max_new_tokens=max_new_tokens, device=device,
    )  # fmt: skip


@app.command()
def leaderboard(
    runs: Annotated[Path, typer.Argument(help="Folder of the runs.")],
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write every figure as JSON.")] = None,
    cluster: Annotated[
        Literal["view", "sequence", "cell"],
        typer.Option(help="What the bootstrap draws: views, or whole sequences or H3 cells."),
    ] = "view",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Compare runs: a table here, and a page that opens from disk.

    Example: `georeasoner leaderboard RUNS --html leaderboard.html --cluster sequence`
    """
    from benchmark.leaderboard import leaderboard_command

    leaderboard_command(runs, html, results, cluster, seed)
