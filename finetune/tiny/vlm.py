"""Train the tiny vision-language model of ClueWorld: fresh scenes in, a Hugging Face folder out.

    python -m finetune.tiny.vlm --out georeasoner/clueworld/models/vlm --minutes 60

The architecture is Qwen2.5-VL's, from a small config. The vision tower first learns alone which
clues a scene shows; then the whole model learns to name them, and to write answers of the right
form. In those every country and city is drawn at random, so the model knows the form of an answer
and no geography. The run keeps a checkpoint in `--work` and goes on from it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from finetune.tiny.vlm_data import SIZE, Speaker, draw_scenes
from finetune.tiny.vlm_parts import new_model, new_processor
from georeasoner.clueworld import World
from georeasoner.progress import log


@dataclass(frozen=True)
class Settings:
    """Of the training; they belong to the checkpoint."""

    batch_size: int = 32
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    vision_share: float = 0.35  # of the steps, for the vision tower alone
    slot_weight: float = 0.5  # of the slot loss, once the words are learnt too
    name_weight: float = 0.1  # of tokens that name a random place
    seed: int = 11


class Slots(torch.nn.Module):
    """What the vision tower is asked alone: for each kind of clue its value, or that none is seen.

    One query per kind attends over the image tokens. It is thrown away after the training.
    """

    def __init__(self, width: int, values: list[int]) -> None:
        super().__init__()
        self.queries = torch.nn.Parameter(torch.randn(len(values), width) * width**-0.5)
        self.keys = torch.nn.Linear(width, width)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(width, n + 1) for n in values)

    def forward(self, tokens: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        """tokens (N, T, W) and shown (N, kinds), 0 for unseen, to the mean cross-entropy."""
        width = tokens.shape[-1]
        weights = (self.keys(tokens) @ self.queries.T * width**-0.5).softmax(1)  # (N, T, kinds)
        seen = torch.einsum("ntw,ntk->nkw", tokens, weights)
        losses = [
            F.cross_entropy(head(seen[:, k]), shown[:, k]) for k, head in enumerate(self.heads)
        ]
        return torch.stack(losses).mean()


class Trainee(torch.nn.Module):
    """The model, its words, and the helper that is thrown away."""

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__()
        self.processor = new_processor(world, SIZE)
        self.speaker = Speaker(world, self.processor.tokenizer)
        self.model = new_model(self.processor.tokenizer)
        width = self.model.config.text_config.hidden_size
        self.slots = Slots(width, [len(k.values) for k in world.kinds])
        self.settings = settings

    def forward(self, batch: dict[str, Any], words: bool, rng: np.random.Generator) -> torch.Tensor:
        """The slot loss, and with `words` that of descriptions and answers."""
        seen = self.processor.image_processor(images=batch["images"], return_tensors="pt")
        features = self.model.model.visual(
            seen["pixel_values"], grid_thw=seen["image_grid_thw"]
        ).pooler_output
        tokens = features.view(len(batch["images"]), -1, features.shape[-1])
        slot_loss = self.slots(tokens, torch.from_numpy(batch["shown"]))
        if not words:
            return slot_loss
        said = self.speaker.say(batch["scenes"], tokens.shape[1], rng, self.settings.name_weight)
        embedded = self.model.get_input_embeddings()(said["input_ids"])
        embedded = embedded.masked_scatter(said["is_image"][..., None], features)
        positions, _ = self.model.model.get_rope_index(
            said["input_ids"],
            image_grid_thw=seen["image_grid_thw"],
            attention_mask=said["attention_mask"],
            mm_token_type_ids=said["is_image"].int(),
        )
        logits = self.model(
            inputs_embeds=embedded,
            attention_mask=said["attention_mask"],
            position_ids=positions,
        ).logits
        losses = F.cross_entropy(
            logits[:, :-1].flatten(0, 1), said["input_ids"][:, 1:].flatten(), reduction="none"
        )
        weights = said["weights"][:, 1:].flatten()
        return (losses * weights).sum() / weights.sum() + self.settings.slot_weight * slot_loss


def train(work: Path, minutes: float, settings: Settings, total_steps: int) -> Trainee:
    """Train until the minutes or the steps are used up; go on from `work` when it is there."""
    world = World.load()
    torch.manual_seed(settings.seed)
    trainee = Trainee(world, settings)
    optimizer = torch.optim.AdamW(
        trainee.parameters(),
        settings.learning_rate,
        (0.9, 0.98),
        weight_decay=settings.weight_decay,
    )
    step, seconds = 0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        trainee.load_state_dict(state["trainee"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
        log(f"going on from step {step}, {seconds / 60:.0f} minutes in")
    started = saved = time.monotonic()
    smooth = None
    while step < total_steps and seconds + time.monotonic() - started < minutes * 60:
        rng = np.random.default_rng([settings.seed, step])
        first = 2_000_000 + step * settings.batch_size  # scenes that nothing else draws
        batch = draw_scenes(world, range(first, first + settings.batch_size), settings.seed)
        words = step >= settings.vision_share * total_steps
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(step, settings, total_steps)
        loss = trainee(batch, words, rng)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        optimizer.step()
        step += 1
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 50 == 0:
            log(f"step {step}/{total_steps}: loss {smooth:.4f}, {time.monotonic() - started:.0f} s")
        if time.monotonic() - saved > 120:
            _save(checkpoint, trainee, optimizer, step, seconds + time.monotonic() - started)
            saved = time.monotonic()
    _save(checkpoint, trainee, optimizer, step, seconds + time.monotonic() - started)
    return trainee


def _schedule(step: int, settings: Settings, total: int) -> float:
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, total - settings.warmup_steps)
    return float(0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * done)))


def _save(path: Path, trainee: Trainee, optimizer: Any, step: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    state = {"trainee": trainee.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "step": step, "seconds": seconds}, temporary)
    temporary.replace(path)


def export(trainee: Trainee, out: Path) -> None:
    """Write the model folder in half precision, with its processor."""
    import copy

    out.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(trainee.model).half().save_pretrained(out)
    trainee.processor.save_pretrained(out)


def main() -> None:
    """Train, export, evaluate, write the card."""
    from finetune.tiny.vlm_card import evaluate, write_card

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("tiny-vlm-work"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    trainee = train(arguments.work, arguments.minutes, Settings(), arguments.steps)
    export(trainee, arguments.out)
    command = (
        f"python -m finetune.tiny.vlm --minutes {arguments.minutes:g} --steps {arguments.steps}"
    )
    state = torch.load(arguments.work / "checkpoint.pt", weights_only=True)
    write_card(arguments.out, evaluate(arguments.out), command, state["step"], state["seconds"])


if __name__ == "__main__":
    main()
