"""The ten steps of the quickstart. Each calls what its command calls, and says what it found."""

from __future__ import annotations

from typing import Any

from georeasoner.cli.pipeline.run import Context, Step
from georeasoner.cli.pipeline.truth import compare_duplicates, compare_locatability
from georeasoner.errors import IntegrityError
from georeasoner.lake import Lake
from georeasoner.progress import log

Said = dict[str, Any]


def clues(context: Context) -> Said:
    """Scrape the clue pages of ClueWorld from a server on loopback."""
    from scrapers.stage import scrape

    result = scrape(Lake.create(context.lake), "clueworld")
    return {"sentences": result.sentences.as_dict(), "urls": result.urls.as_dict()}


def views(context: Context) -> Said:
    """Draw the views for building, and the held-out ones in other cells of the same cities."""
    from builders.ingest import ingest

    from builders.audit import audit

    recipe = context.recipe
    build = ingest(Lake.create(context.lake), f"clueworld:{recipe.views}", seed=recipe.seed)
    held_out = ingest(
        Lake.create(context.held_out), f"clueworld:{recipe.held_out}@heldout", seed=recipe.seed
    )
    overlaps = audit(Lake.open(context.lake), context.held_out)
    if overlaps.num_rows:
        raise IntegrityError(f"{overlaps.num_rows} held-out views are among those for building")
    return {"build": build.as_dict(), "held_out": held_out.as_dict()}


def scores(context: Context) -> Said:
    """One CLIP pass; what the threshold keeps and drops, beside the exact information."""
    from scoring.stage import score

    lake = Lake.open(context.lake)
    result = score(lake, batch_size=context.recipe.batch_size)
    return {"score_id": result.score_id, "truth": compare_locatability(context)}


def duplicates(context: Context) -> Said:
    """Near-duplicates by FAISS, compared with what the generator knows."""
    from scoring.duplicates import dedup

    lake = Lake.open(context.lake)
    dedup(lake, threshold=context.recipe.duplicate_similarity)
    return compare_duplicates(context)


def dataset(context: Context) -> Said:
    """The highly locatable data set, loaded back by `datasets`."""
    from builders.dataset import build
    from datasets import load_dataset

    recipe = context.recipe
    build(
        Lake.open(context.lake),
        context.dataset,
        min_locatability=recipe.min_locatability,
        percentile=recipe.percentile,
        seed=recipe.seed,
    )
    splits = load_dataset(str(context.dataset))
    return {"rows": {name: split.num_rows for name, split in splits.items()}}


def sql(context: Context) -> Said:
    """The recipe's questions, answered by DuckDB."""
    import sys

    from builders.sql import run_query

    for query in context.recipe.queries:
        log(f"sql: {query.title}")
        run_query(query.sql, str(context.lake), out=sys.stdout)
    return {"queries": [query.title for query in context.recipe.queries]}


def tuning(context: Context) -> Said:
    """Both LoRA stages on the data set."""
    from finetune.recipe import FinetuneRecipe
    from finetune.train import train
    from georeasoner.clueworld.models import VLM

    recipe = context.recipe
    settings = FinetuneRecipe.model_validate(
        recipe.finetune
        | {
            "base_model": str(VLM),
            "dataset": str(context.dataset),
            "out": str(context.adapters),
            "seed": recipe.seed,
            "shuffle_labels": recipe.shuffle_labels,
        }
    )
    return {"adapters": [folder.name for folder in train(settings)]}


def publishing(context: Context) -> Said:
    """Data set and adapters to a Hub-compatible server on loopback, and back."""
    from builders.hubserver import LocalHub
    from builders.publish import publish_adapters, publish_dataset

    with LocalHub(context.out / "hub") as hub:
        lines = [
            publish_dataset(
                context.dataset, "georeasoner/clueworld", synthetic=True, endpoint=hub.url
            ),
            publish_adapters(context.adapters, "georeasoner/clueworld-lora", endpoint=hub.url),
        ]
    for line in lines:
        log(line)
    return {"published": lines}


STEPS: dict[str, Step] = {
    "clues": clues,
    "views": views,
    "scores": scores,
    "duplicates": duplicates,
    "dataset": dataset,
    "sql": sql,
    "tuning": tuning,
    "publishing": publishing,
}
