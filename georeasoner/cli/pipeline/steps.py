"""The ten steps of the quickstart. Each calls what its command calls, and says what it found."""

from __future__ import annotations

import sys
from typing import Any

from georeasoner.cli.pipeline.run import Context, Step
from georeasoner.cli.pipeline.truth import compare_duplicates, compare_locatability
from georeasoner.errors import IntegrityError
from georeasoner.lake import Lake
from georeasoner.progress import log

Said = dict[str, Any]
DATASET_REPO = "georeasoner/clueworld"
ADAPTERS_REPO = "georeasoner/clueworld-lora"


def clues(context: Context) -> Said:
    """Scrape the clue pages of ClueWorld from a server on loopback."""
    from scrapers.stage import scrape

    result = scrape(Lake.create(context.lake), "clueworld", delay_s=0.0)
    return {
        "sentences": result.sentences.as_dict(),
        "urls": result.urls.as_dict() if result.urls else None,
    }


def views(context: Context) -> Said:
    """Draw the views for building, and the held-out ones in other cells of the same cities."""
    from benchmark.task import load_views
    from builders.audit import Settings, audit
    from builders.ingest import ingest

    recipe = context.recipe
    build = ingest(Lake.create(context.lake), f"clueworld:{recipe.views}", seed=recipe.seed)
    held_out = ingest(
        Lake.create(context.held_out), f"clueworld:{recipe.held_out}@heldout", seed=recipe.seed
    )
    settings = Settings(pictures=False)  # drawn scenes look alike all over the world
    found = audit(Lake.open(context.lake), load_views(f"lake:{context.held_out}"), settings)
    if found.overlaps.num_rows:
        raise IntegrityError(f"held-out views are among those for building: {found.counted()}")
    return {"build": build.as_dict(), "held_out": held_out.as_dict()}


def scores(context: Context) -> Said:
    """One CLIP pass: embedding, class shares, locatability and the best-matching clues."""
    from scoring.stage import score

    result = score(Lake.open(context.lake), batch_size=context.recipe.batch_size)
    return {"score_id": result.score_id, "sums": result.sums.as_dict()}


def duplicates(context: Context) -> Said:
    """Near-duplicates by FAISS, compared with what the generator knows."""
    from scoring.duplicates.stage import dedup

    lake = Lake.open(context.lake)
    recipe = context.recipe
    dedup(
        lake,
        threshold=recipe.duplicate_similarity,
        near_km=recipe.duplicate_km,
        far_threshold=1.01,  # no cosine is so high: drawn scenes look alike all over the world
    )
    return compare_duplicates(lake)


def dataset(context: Context) -> Said:
    """The highly locatable data set, loaded back by `datasets`; what its threshold kept."""
    from datasets import load_dataset

    from builders.dataset import build

    recipe, lake = context.recipe, Lake.open(context.lake)
    built = build(
        lake,
        context.dataset,
        min_locatability=recipe.min_locatability,
        percentile=recipe.percentile,
        seed=recipe.seed,
    )
    splits = load_dataset(str(context.dataset))
    rows = {name: split.num_rows for name, split in splits.items()}
    log(f"datasets.load_dataset: {', '.join(f'{n:,} {name}' for name, n in rows.items())}")
    threshold = built.provenance["min_locatability"]
    truth = compare_locatability(lake, context.said["scores"]["score_id"], threshold)
    return {"rows": rows, "sums": built.sums.as_dict(), "locatability": truth}


def sql(context: Context) -> Said:
    """The recipe's questions, answered by DuckDB."""
    from builders.sql import run_query

    for query in context.recipe.queries:
        log(f"sql: {query.title}")
        run_query(query.sql, str(context.lake), out=sys.stdout)
    return {"queries": [query.title for query in context.recipe.queries]}


def tuning(context: Context) -> Said:
    """LoRA1 on reasoning pairs made from clues, then LoRA2 on the frozen LoRA1."""
    from finetune.recipe import FinetuneRecipe
    from finetune.train import train
    from georeasoner.clueworld.models import VLM

    paths = {"base_model": str(VLM), "dataset": str(context.dataset), "out": str(context.adapters)}
    run = {"seed": context.recipe.seed, "shuffle_labels": context.recipe.shuffle_labels}
    train(FinetuneRecipe.model_validate({**context.recipe.finetune, **paths, **run}))
    return {"adapters": sorted(p.name for p in context.adapters.iterdir())}


def publishing(context: Context) -> Said:
    """Data set and adapters to a Hub-compatible server on loopback, and back."""
    from builders.hubserver import LocalHub
    from builders.publish import publish_adapters, publish_dataset

    with LocalHub(context.out / "hub") as hub:
        lines = [
            publish_dataset(context.dataset, DATASET_REPO, synthetic=True, endpoint=hub.url),
            publish_adapters(context.adapters, ADAPTERS_REPO, endpoint=hub.url),
        ]
    for line in lines:
        log(line)
    return {"published": lines}


def benchmark(context: Context) -> Said:
    """Every model on the held-out views; who learns, learns from the data set's train split."""
    from benchmark.run import run
    from benchmark.task import load_task
    from georeasoner.clueworld.models import VLM

    lora = [context.adapters / "lora1", context.adapters / "lora2"]
    models: dict[str, tuple[str, list[Any]]] = {
        "georeasoner": (f"vlm:{VLM}", lora),
        "lora1": (f"vlm:{VLM}", lora[:1]),
        "base": (f"vlm:{VLM}", []),
        "clip-zeroshot": ("clip-zeroshot", []),
        "nearest": ("nearest", []),
        "prior": ("prior", []),
        "ceiling": ("ceiling", []),
    }
    train = f"dataset:{context.dataset}#train"
    task = load_task(f"lake:{context.held_out}", name="clueworld-held-out")
    for name in context.recipe.benchmark.models:
        specification, adapters = models[name]
        run(
            specification,
            task,
            context.runs,
            adapters,
            name=name,
            train=train,
            candidates=train,
            batch_size=context.recipe.batch_size,
            max_new_tokens=160,
            seed=context.recipe.seed,
        )
    return {"models": context.recipe.benchmark.models}


def leaderboard(context: Context) -> Said:
    """The table here, the page and the flat results beside it."""
    from benchmark.leaderboard import leaderboard as compare
    from benchmark.leaderboard import print_boards
    from benchmark.score import Scoring

    resamples = context.recipe.benchmark.resamples
    scoring = Scoring(seed=context.recipe.seed, resamples=resamples)
    page, results = context.out / "leaderboard.html", context.out / "results.json"
    print_boards(compare(context.runs, page, results, scoring))
    return {"page": page.name, "results": results.name}


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        clues, views, scores, duplicates, dataset, sql, tuning, publishing, benchmark, leaderboard,
    )
}  # fmt: skip
