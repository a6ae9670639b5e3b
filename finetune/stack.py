"""Two LoRA adapters in one forward pass, the first frozen while the second learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel
from transformers import AutoModelForImageTextToText, TrainerCallback
from transformers.utils import logging as transformers_logging
from trl import SFTTrainer

from finetune.recipe import FinetuneRecipe, Stage
from georeasoner.progress import log


def new_stack(recipe: FinetuneRecipe, settings: Stage, first: Path | None) -> PeftModel:
    """The base with a new adapter: `lora1`, or `lora2` on top of the frozen one in `first`."""
    import torch

    transformers_logging.disable_progress_bar()
    torch.manual_seed(recipe.seed)
    dtype = getattr(torch, recipe.dtype)
    base = AutoModelForImageTextToText.from_pretrained(recipe.base_model, dtype=dtype)
    config = LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=settings.lora.target_modules,
        task_type="CAUSAL_LM",
    )
    if first is None:
        return PeftModel(base, config, adapter_name="lora1")
    model = PeftModel.from_pretrained(base, str(first), adapter_name="lora1")
    model.add_adapter("lora2", config)
    return model


def activate(model: PeftModel, trainable: str) -> None:
    """Make every adapter active up to `trainable`, and only that one learn.

    `PeftModel.set_adapter` takes a single name, so the tuner below it is asked.
    """
    stack = ["lora1"] if trainable == "lora1" else ["lora1", trainable]
    model.base_model.set_adapter(stack)
    for name in stack:
        model.set_requires_grad(name, name == trainable)


class _Lines(TrainerCallback):
    """Losses on stderr, where progress belongs."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            log(f"finetune: step {state.global_step}/{state.max_steps}, loss {logs['loss']:.3f}")


class StackedTrainer(SFTTrainer):
    """trl's trainer, mended where it forgets all adapters but the first when it resumes."""

    def __init__(self, **settings: Any) -> None:
        from transformers import PrinterCallback

        super().__init__(**settings)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Lines())
        self._trainable = list(self.model.peft_config)[-1]

    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_checkpoint(*args, **kwargs)
        activate(self.model, self._trainable)
