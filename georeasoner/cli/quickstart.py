"""`georeasoner quickstart`: the whole main job on the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georeasoner.cli.main import app


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Where everything is written.")] = Path(
        "georeasoner-quickstart"
    ),
    seed: Annotated[int | None, typer.Option(help="Changes the draws.")] = None,
    recipe: Annotated[Path, typer.Option(help="What to do, how much of it.")] = Path(
        "configs/quickstart.yaml"
    ),
) -> None:
    """The whole main job on ClueWorld, a synthetic world with a known truth; offline, in minutes.

    Example: `georeasoner quickstart --out demo --recipe configs/quickstart-small.yaml`
    """
    from georeasoner.cli.pipeline.run import open_run, run_steps
    from georeasoner.cli.pipeline.steps import STEPS

    run_steps(STEPS, open_run(out, recipe, seed))
