"""The commands that keep a lake in order: remove, compact, migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georeasoner.cli.main import app

LakeArgument = Annotated[Path, typer.Argument(help="The lake's directory.")]


@app.command()
def remove(
    lake: LakeArgument,
    ids: Annotated[list[str], typer.Argument(help="view_ids to take down.")],
    why: Annotated[str, typer.Option(help="The reason, kept with the removal.")] = "asked",
) -> None:
    """Take views down: left out of every table at once, erased for good by `compact`.

    Example: `georeasoner remove LAKE 009700da --why "face visible"`
    """
    from georeasoner.lake import Lake
    from georeasoner.lake.maintain import remove as run

    run(Lake.open(lake), ids, why)


@app.command()
def compact(lake: LakeArgument) -> None:
    """Rewrite the tables into few shards, without the rows of removed views.

    Example: `georeasoner compact LAKE`
    """
    from georeasoner.lake import Lake
    from georeasoner.lake.maintain import compact as run

    run(Lake.open(lake))


@app.command()
def migrate(lake: LakeArgument) -> None:
    """Bring a lake that an older version wrote to the present format.

    Example: `georeasoner migrate LAKE`
    """
    from georeasoner.lake.maintain import migrate as run

    print(run(lake))
