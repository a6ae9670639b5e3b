"""Train the tiny CLIP of ClueWorld: fresh scenes in, an open_clip folder out.

    python -m finetune.tiny.clip --out georeasoner/clueworld/models/clip --minutes 60

Every step draws new scenes and asks three things of cosine similarities alone, the same that the
scorer reads later: which value of each visible kind of clue the picture shows, which clues are
there at all, and which ADE20K classes lie in each patch. Country names stand in some of the texts,
always drawn at random, so that the model learns to overlook them. The run keeps a checkpoint in
`--work` and goes on from it; it stops after `--minutes` of training in all.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from finetune.tiny.clip_data import PATCH, SIZE, Texts, draw_batch
from georeasoner.clueworld import World
from georeasoner.progress import log

CONTEXT = 24
CLASS_PROMPTS = ("{}", "a street view with {}")


@dataclass(frozen=True)
class Settings:
    """Of the training; they belong to the checkpoint."""

    batch_size: int = 48
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    dense_weight: float = 1.0
    presence_weight: float = 1.0
    seed: int = 7


def model_config(vocabulary: int) -> dict[str, Any]:
    """The open_clip configuration of about 3 M parameters."""
    return {
        "embed_dim": 192,
        "vision_cfg": {
            "image_size": SIZE,
            "patch_size": PATCH,
            "width": 192,
            "layers": 6,
            "head_width": 32,
            "mlp_ratio": 3.0,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": vocabulary,
            "hf_tokenizer_name": "clueworld",
            "tokenizer_kwargs": {"clean": "lower"},
            "width": 128,
            "heads": 4,
            "layers": 2,
            "pool_type": "eos",
            "eos_id": 1,
        },
    }


def new_model(config: dict[str, Any]) -> torch.nn.Module:
    """An untrained open_clip model of that configuration."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    vision, text = CLIPVisionCfg(**config["vision_cfg"]), CLIPTextCfg(**config["text_cfg"])
    return CLIP(embed_dim=config["embed_dim"], vision_cfg=vision, text_cfg=text)


class Losses(torch.nn.Module):
    """The three questions, and the scale and bias with which presence is asked."""

    def __init__(self, model: torch.nn.Module, texts: Texts, settings: Settings) -> None:
        super().__init__()
        self.model, self.texts, self.settings = model, texts, settings
        self.presence = torch.nn.Parameter(torch.tensor([10.0, -5.0]))

    def forward(self, batch: dict[str, NDArray[Any]], rng: np.random.Generator) -> torch.Tensor:
        """Value + presence + dense loss of a batch; see `draw_batch` for its arrays."""
        pooled, patches = self.features(torch.from_numpy(batch["pixels"]))
        scale = self.model.logit_scale.exp()
        clues = F.normalize(self.model.encode_text(self.texts.clue_tokens(rng)), dim=-1)
        cosine = pooled @ clues.T  # (N, clues)
        shown = torch.from_numpy(batch["shown"])  # (N, kinds): index of the value, -1 unseen
        value = torch.zeros(())
        for kind, (start, stop) in enumerate(self.texts.ranges):
            seen = shown[:, kind] >= 0
            if seen.any():
                logits = scale * cosine[seen, start:stop]
                value = value + F.cross_entropy(logits, shown[seen, kind])
        value = value / len(self.texts.ranges)
        target = torch.zeros_like(cosine)
        for kind, (start, _) in enumerate(self.texts.ranges):
            seen = shown[:, kind] >= 0
            target[seen.nonzero()[:, 0], start + shown[seen, kind]] = 1.0
        presence = F.binary_cross_entropy_with_logits(
            self.presence[0] * cosine + self.presence[1], target
        )
        classes = F.normalize(self.model.encode_text(self.texts.class_tokens(rng)), dim=-1)
        log_share = (scale * patches @ classes.T).log_softmax(-1)  # (N, P, 150)
        dense = -(torch.from_numpy(batch["shares"]) * log_share).sum(-1).mean()
        weights = self.settings
        return value + weights.presence_weight * 10 * presence + weights.dense_weight * dense

    def features(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pooled (N, D) and patches (N, P, D), of unit length."""
        visual = self.model.visual
        visual.output_tokens = True
        pooled, tokens = visual(pixels)
        visual.output_tokens = False
        return F.normalize(pooled, dim=-1), F.normalize(
            visual.ln_post(tokens) @ visual.proj, dim=-1
        )


def train(work: Path, minutes: float, settings: Settings, total_steps: int) -> Losses:
    """Train until the minutes or the steps are used up; go on from `work` when it is there."""
    world = World.load()
    torch.manual_seed(settings.seed)
    texts = Texts(world, CONTEXT)
    losses = Losses(new_model(model_config(texts.vocabulary)), texts, settings)
    optimizer = torch.optim.AdamW(
        losses.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=settings.weight_decay
    )
    step, seconds = 0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        losses.load_state_dict(state["losses"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
        log(f"going on from step {step}, {seconds / 60:.0f} minutes in")
    started = saved = time.monotonic()
    smooth = None
    while step < total_steps and seconds + time.monotonic() - started < minutes * 60:
        rng = np.random.default_rng([settings.seed, step])
        first = 1_000_000 + step * settings.batch_size  # scenes that nothing else draws
        batch = draw_batch(world, range(first, first + settings.batch_size), settings.seed, rng)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(
                step, settings.warmup_steps, total_steps
            )
        loss = losses(batch, rng)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(losses.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            losses.model.logit_scale.clamp_(0, np.log(100))
        step += 1
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 50 == 0:
            log(f"step {step}/{total_steps}: loss {smooth:.3f}, {time.monotonic() - started:.0f} s")
        if time.monotonic() - saved > 120:
            _save(checkpoint, losses, optimizer, step, seconds + time.monotonic() - started)
            saved = time.monotonic()
    _save(checkpoint, losses, optimizer, step, seconds + time.monotonic() - started)
    return losses


def _schedule(step: int, warmup: int, total: int) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return float(0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * (step - warmup) / max(1, total - warmup))))


def _save(path: Path, losses: Losses, optimizer: Any, step: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    state = {"losses": losses.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "step": step, "seconds": seconds}, temporary)
    temporary.replace(path)


def export(losses: Losses, out: Path) -> None:
    """Write the open_clip folder: config, half-precision weights, tokenizer."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    config = {
        "model_cfg": model_config(losses.texts.vocabulary),
        "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"},
        "georeasoner": {
            "dense_readout": "tokens",
            "class_prompts": list(CLASS_PROMPTS),
            "synthetic_only": True,
        },
    }
    (out / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    weights = {k: v.half().contiguous() for k, v in losses.model.state_dict().items()}
    save_file(weights, str(out / "open_clip_model.safetensors"), metadata={"format": "pt"})
    losses.texts.tokenizer.save_pretrained(out)


def main() -> None:
    """Train, export, evaluate, write the card."""
    from finetune.tiny.clip_card import evaluate, write_card

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("tiny-clip-work"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    losses = train(arguments.work, arguments.minutes, Settings(), arguments.steps)
    export(losses, arguments.out)
    command = (
        f"python -m finetune.tiny.clip --minutes {arguments.minutes:g} --steps {arguments.steps}"
    )
    state = torch.load(arguments.work / "checkpoint.pt", weights_only=True)
    write_card(arguments.out, evaluate(arguments.out), command, state["step"], state["seconds"])


if __name__ == "__main__":
    main()
