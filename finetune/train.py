"""Two stacked LoRA stages on one base model: reasoning first, then location.

In goes a recipe (base model, data set, settings), out come `OUT/lora1` and `OUT/lora2`, peft
folders with their provenance. LoRA1 learns to reason from clues; then it is frozen and stays in the
forward pass while LoRA2 learns country and city. A stage whose adapter is there and was made from
the same inputs is not run again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.conversations import (
    StageName,
    clues_of_own_country,
    conversations,
    labelled_views,
    shuffle_labels,
)
from finetune.recipe import FinetuneRecipe, Reasons, Stage
from georeasoner.config import load_recipe
from georeasoner.errors import ConfigError, EmptyResultError, InputError, ModelError
from georeasoner.gazetteer import Gazetteer
from georeasoner.lake.files import TEMPORARY, write_json
from georeasoner.progress import log
from georeasoner.provenance import file_sha256, fingerprint, provenance

if TYPE_CHECKING:
    from datasets import Dataset

ADAPTERS: dict[StageName, str] = {"reasoning": "lora1", "location": "lora2"}


def finetune(recipe_path: Path, stage: str | None = None, out: Path | None = None) -> list[Path]:
    """Run the stages of a recipe file; the adapters' folders."""
    overrides = {"out": str(out)} if out is not None else None
    return train(load_recipe(recipe_path, FinetuneRecipe, overrides), stage)


def train(recipe: FinetuneRecipe, stage: str | None = None) -> list[Path]:
    """Run one stage or both. Raises `ConfigError` for an unknown stage, or the second alone."""
    if stage is not None and stage not in ADAPTERS:
        raise ConfigError(f"stage {stage!r}", f"one of {', '.join(ADAPTERS)}")
    wanted: list[StageName] = [s for s in ADAPTERS if stage in (None, s)]
    return [_run_stage(recipe, s) for s in wanted]


def _run_stage(recipe: FinetuneRecipe, stage: StageName) -> Path:
    folder = Path(recipe.out) / ADAPTERS[stage]
    first = Path(recipe.out) / ADAPTERS["reasoning"]
    if stage == "location" and not (first / "provenance.json").is_file():
        raise ConfigError(f"{first} is not there", "the adapter of --stage reasoning, run first")
    config = _fingerprinted(recipe, stage, first)
    done = folder / "provenance.json"
    if done.is_file() and json.loads(done.read_text())["fingerprint"] == fingerprint(config):
        log(f"finetune: {folder} is there and current; nothing to do")
        return folder
    processor = _processor(recipe)
    data = stage_data(recipe, stage, processor)
    log(f"finetune: stage {stage} on {data.num_rows:,} views")
    losses = _fit(recipe, stage, processor, data, first, folder, config)
    log(f"finetune: stage {stage}: loss {losses[0]:.3f} -> {losses[-1]:.3f}; {folder}")
    return folder


def _processor(recipe: FinetuneRecipe) -> Any:
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(recipe.base_model)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{recipe.base_model} does not load: {error}", "an image-text-to-text model"
        ) from error


def _fingerprinted(recipe: FinetuneRecipe, stage: StageName, first: Path) -> dict[str, Any]:
    """What a stage's adapter depends on; a change of any of it makes the stage run again."""
    shared = {"split", "base_model", "seed", "dtype", "shuffle_labels", "reasons", stage}
    config = recipe.model_dump(include=shared)
    marker = Path(recipe.dataset) / "provenance.json"
    config["dataset"] = file_sha256(marker) if marker.is_file() else recipe.dataset
    if stage == "location":
        config["lora1"] = file_sha256(first / "adapter_model.safetensors")
    return config


def stage_data(recipe: FinetuneRecipe, stage: StageName, processor: Any) -> Dataset:
    """The stage's examples in the form that trl wants: `image`, `prompt`, `completion`.

    Prompts are put through the processor's chat template here, so that they can end in the part
    of an answer that is given.
    """
    from datasets import load_dataset

    try:
        views = load_dataset(recipe.dataset, "views", split=recipe.split)
        clue_rows = load_dataset(recipe.dataset, "clues", split="train")
        score_rows = load_dataset(recipe.dataset, "scores", split=recipe.split)
    except (OSError, ValueError) as error:  # a missing folder is looked for on the Hub
        raise InputError(
            f"{recipe.dataset} does not load: {error}",
            "a data set that `georeasoner build` made, with views, clues and scores",
        ) from error
    allowed = clue_rows.filter(lambda row: row["ai_training_allowed"] is True)
    if refused := clue_rows.num_rows - allowed.num_rows:
        log(f"finetune: {refused:,} clues are left out: their source does not allow training")
    wanted = views.select_columns(["view_id", "country", "city"])
    clues = {row["clue_id"]: row for row in allowed}
    labelled = labelled_views(
        wanted, _clues_of_views(recipe.reasons, wanted, score_rows, clues), clues, recipe.reasons
    )
    if recipe.shuffle_labels:
        labelled = shuffle_labels(labelled, recipe.seed)
    talks = conversations(labelled, stage, recipe.reasons, Gazetteer.load())
    rows = {view_id: i for i, view_id in enumerate(views["view_id"])}
    with_image = [t for t in talks if not _lacks_image(views, rows[t.view_id])]
    if not with_image:
        raise EmptyResultError(
            f"no example for the stage {stage} in {recipe.dataset}",
            "views with pictures, a country and (for reasoning) matching clues",
            "scrape clues before `score`, or lower reasons.min_similarity",
        )
    chosen = views.select([rows[t.view_id] for t in with_image]).select_columns(["image"])
    asked = _asked(processor)
    return chosen.add_column("prompt", [asked(t.prompt) + t.given for t in with_image]).add_column(
        "completion", [t.completion + processor.tokenizer.eos_token for t in with_image]
    )


def _clues_of_views(
    reasons: Reasons, views: Dataset, scores: Dataset, clues: dict[str, Any]
) -> dict[str, Sequence[Any]]:
    """The clues that may become reasons of each view."""
    if reasons.source == "matches":
        return {row["view_id"]: row["top_clues"] or () for row in scores}
    shares = {
        row["view_id"]: row["class_shares"]
        for row in scores.with_format("numpy", ["class_shares"], output_all_columns=True)
    }
    return dict(clues_of_own_country(views, shares, clues, reasons.min_share))


def _asked(processor: Any) -> Callable[[str], str]:
    """What the model reads before its answer begins: the picture and the user's words."""

    def text(prompt: str) -> str:
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        said: str = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return said

    return text


def _lacks_image(views: Dataset, at: int) -> bool:
    return views.with_format("arrow")[at]["image"][0].as_py() is None


def _fit(
    recipe: FinetuneRecipe,
    stage: StageName,
    processor: Any,
    data: Dataset,
    first: Path,
    folder: Path,
    config: dict[str, Any],
) -> list[float]:
    """Train one adapter; it appears in `folder` when it is whole. The losses that were logged."""
    from finetune.stack import StackedTrainer, activate, new_stack

    settings: Stage = getattr(recipe, stage)
    try:
        model = new_stack(recipe, settings, first if stage == "location" else None)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{recipe.base_model} does not load: {error}", "an image-text-to-text model"
        ) from error
    adapter = ADAPTERS[stage]
    work = folder.with_name(TEMPORARY + adapter)
    begun = work / "fingerprint"  # checkpoints of other settings are not gone on from
    resumes = begun.is_file() and begun.read_text() == fingerprint(config)
    checkpoints = sorted(work.glob("checkpoint-*")) if resumes and settings.save_steps else []
    if not checkpoints:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        begun.write_text(fingerprint(config))
    trainer = StackedTrainer(
        model=model,
        args=_arguments(recipe, settings, work),
        processing_class=processor,
        train_dataset=data,
    )
    activate(model, adapter)
    trainer.train(resume_from_checkpoint=bool(checkpoints))
    model.save_pretrained(str(work), selected_adapters=[adapter])
    write_json(work / adapter / "provenance.json", provenance(config, recipe.seed))
    if folder.exists():
        shutil.rmtree(folder)
    (work / adapter).replace(folder)
    shutil.rmtree(work)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _arguments(recipe: FinetuneRecipe, settings: Stage, work: Path) -> Any:
    import torch
    from trl import SFTConfig

    on_gpu = torch.cuda.is_available() and recipe.device != "cpu"
    return SFTConfig(
        output_dir=str(work),
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps or -1,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        warmup_steps=settings.warmup_ratio,
        lr_scheduler_type=settings.scheduler,
        max_length=settings.max_length,
        gradient_checkpointing=settings.gradient_checkpointing,
        save_strategy="steps" if settings.save_steps else "no",
        save_steps=settings.save_steps or 500,
        logging_steps=10,
        logging_first_step=True,
        report_to="none",
        use_cpu=not on_gpu,
        bf16=on_gpu and recipe.dtype == "bfloat16",
        completion_only_loss=True,
        dataloader_num_workers=0,
        disable_tqdm=True,
        seed=recipe.seed,
    )
