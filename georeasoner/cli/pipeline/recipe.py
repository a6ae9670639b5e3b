"""What the quickstart does, and how much of it: the content of configs/quickstart*.yaml."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from georeasoner.config import Recipe

MODELS = ("georeasoner", "lora1", "base", "clip-zeroshot", "nearest", "prior", "ceiling")


class Query(Recipe):
    """One question to the lake."""

    title: str
    sql: str


class Benchmark(Recipe):
    """Which models, and how the intervals are made."""

    models: tuple[str, ...] = MODELS
    resamples: int = Field(default=2000, ge=100)


class QuickstartRecipe(Recipe):
    """`percentile`, where it is given, takes the place of `min_locatability`.

    `finetune` holds settings of a tuning recipe, but for the paths, which the quickstart fills in.
    """

    seed: int = 0
    views: int = Field(2000, ge=20)
    held_out: int = Field(500, ge=10)
    min_locatability: float | None = None
    percentile: float | None = Field(None, ge=0, lt=100)
    duplicate_similarity: float = Field(0.95, gt=0, le=1)
    duplicate_km: float = Field(1.0, gt=0)
    batch_size: int = Field(64, ge=1)
    queries: list[Query]
    finetune: dict[str, Any]
    benchmark: Benchmark = Benchmark()
    shuffle_labels: bool = False
