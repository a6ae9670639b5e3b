"""The recipe of a tuning run, as people write it in YAML. Defaults are the paper's stage 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from georeasoner.config import Recipe

LANGUAGE_LAYERS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class Lora(Recipe):
    """One low-rank adapter; `target_modules` is a regular expression over module names."""

    rank: int = Field(64, ge=1)
    alpha: float = Field(128, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    target_modules: str = LANGUAGE_LAYERS


class Stage(Recipe):
    """One stage of supervised tuning. `max_steps` wins over `epochs` where it is given."""

    epochs: float = Field(5, gt=0)
    max_steps: int | None = Field(None, ge=1)
    batch_size: int = Field(10, ge=1)
    gradient_accumulation: int = Field(8, ge=1)
    learning_rate: float = Field(1e-5, gt=0)
    weight_decay: float = Field(0.1, ge=0)
    adam_beta2: float = Field(0.95, gt=0, lt=1)
    warmup_ratio: float = Field(0.01, ge=0, lt=1)
    scheduler: str = "cosine"
    max_length: int | None = 2048
    gradient_checkpointing: bool = True
    save_steps: int | None = Field(None, ge=1)
    lora: Lora = Lora()


class Reasons(Recipe):
    """How the reasons of a training answer are made from clues.

    `source` says which clues those of a view are: `matches`, the ones that the scorer found to
    match the picture best, whatever they speak of (for clues that can be told apart from their
    country); or `country`, clues of the view's own country whose ADE20K classes cover at least
    `min_share` of the picture (for clues as people write them).
    `min_similarity` leaves weaker matches out; `at_most` limits their number; `order` is by
    category, as these come in the corpus (always the same, easier for small models), or by
    similarity. `guess` names a country after each reason: `running`, the most probable one given
    the reasons so far, by naive Bayes counted on the training split; `single`, given that reason
    alone; or `none`.
    In the location stage a `given_share` of the views comes with its reasons given, so that all
    there is to learn from them is the place.
    """

    source: Literal["matches", "country"] = "matches"
    min_share: float = Field(0.01, gt=0, le=1)
    min_similarity: float = 0.0
    at_most: int = Field(5, ge=0)
    order: Literal["category", "similarity"] = "similarity"
    guess: Literal["running", "single", "none"] = "none"
    no_clue: str = "no clues"
    given_share: float = Field(0.0, ge=0, le=1)


class FinetuneRecipe(Recipe):
    """Both stages of GeoReasoner's tuning."""

    base_model: str
    dataset: str
    split: str = "train"
    out: str
    seed: int = 0
    device: str | None = None
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    shuffle_labels: bool = False
    reasons: Reasons = Reasons()
    reasoning: Stage = Stage()
    location: Stage = Stage()
