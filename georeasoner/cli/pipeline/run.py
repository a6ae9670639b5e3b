"""Running the steps in order: what is done is not done again, what died goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from georeasoner.cli.pipeline.recipe import QuickstartRecipe
from georeasoner.config import load_recipe
from georeasoner.errors import StaleError
from georeasoner.lake.files import write_json
from georeasoner.progress import log
from georeasoner.provenance import provenance


@dataclass
class Context:
    """What the steps share: the recipe, where things are, and what earlier steps said."""

    recipe: QuickstartRecipe
    out: Path
    said: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def lake(self) -> Path:
        """The lake of the views for building."""
        return self.out / "lake"

    @property
    def held_out(self) -> Path:
        """The lake of the held-out views: a benchmark does not lie among its training data."""
        return self.out / "held_out"

    @property
    def dataset(self) -> Path:
        """The built data set."""
        return self.out / "dataset"

    @property
    def adapters(self) -> Path:
        """The two LoRA adapters."""
        return self.out / "adapters"

    @property
    def runs(self) -> Path:
        """The benchmark's runs."""
        return self.out / "runs"


Step = Callable[[Context], dict[str, Any]]


def run_steps(steps: dict[str, Step], context: Context) -> None:
    """Run what has no marker yet. A marker holds what its step said, and is written at its end."""
    markers = context.out / "steps"
    begun = time.monotonic()
    for number, (name, step) in enumerate(steps.items(), start=1):
        marker = markers / f"{number:02d}-{name}.json"
        if marker.is_file():
            context.said[name] = json.loads(marker.read_text())["said"]
            log(f"[{number}/{len(steps)}] {name}: done before")
            continue
        log(f"[{number}/{len(steps)}] {name}")
        started = time.monotonic()
        context.said[name] = step(context)
        seconds = time.monotonic() - started
        write_json(marker, {"said": context.said[name], "seconds": round(seconds, 1)})
        log(f"[{number}/{len(steps)}] {name}: {seconds:.1f} s")
    log(f"quickstart: {time.monotonic() - begun:.0f} s")


def open_run(out: Path, recipe_file: Path, seed: int | None) -> Context:
    """The run in `out`, new or to be continued.

    Raises `StaleError` when `out` was made with another recipe.
    """
    recipe = load_recipe(recipe_file, QuickstartRecipe, {"seed": seed})
    resolved = recipe.model_dump(mode="json")
    kept = out / "recipe.json"
    if kept.is_file():
        before = json.loads(kept.read_text())["config"]
        differing = sorted(k for k in {*before, *resolved} if before.get(k) != resolved.get(k))
        if differing:
            raise StaleError(
                f"{out} was made with other settings of {', '.join(differing)}",
                "the same recipe and seed",
                "choose another --out, or delete that folder",
            )
    elif out.exists() and any(out.iterdir()):
        raise StaleError(f"{out} holds other files", "an empty or new folder")
    else:
        write_json(kept, provenance(resolved, recipe.seed))
    return Context(recipe, out)
