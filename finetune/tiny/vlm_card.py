"""How well the tiny vision-language model describes fresh scenes, and its card."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetune.tiny.vlm_parts import DESCRIBE
from georeasoner.answers import PROMPT, parse
from georeasoner.clueworld import World

EVALUATION_SEED = 20_240_721


@dataclass(frozen=True)
class Figures:
    """On `scenes` fresh scenes. `right` is over visible clues, `invented` over clues named."""

    scenes: int
    right: float
    invented: float
    by_kind: dict[str, float]
    answers_parsed: float
    country_accuracy: float
    countries: int


def evaluate(folder: Path, scenes: int = 512, seed: int = EVALUATION_SEED) -> Figures:
    """Visible clues that are named right; named clues of a kind that is not to be seen; and the
    country accuracy of answers, which is chance for a model that knows no geography."""
    world = World.load()
    meaning = {p: (k.name, v) for k in world.kinds for v in k.values for p in k.phrases[v]}
    drawn = [world.scene(i, seed=seed, role="build") for i in range(scenes)]
    images = [s.render().image for s in drawn]
    described, answered = generate(folder, images, DESCRIBE), generate(folder, images, PROMPT)
    right = {k.name: 0 for k in world.kinds}
    visible = {k.name: 0 for k in world.kinds}
    named = invented = 0
    for scene, text in zip(drawn, described, strict=True):
        said = [meaning[p] for p in text.split("; ") if p in meaning]
        named += len(said)
        invented += sum(kind not in scene.clues for kind, _ in said)
        for kind, value in scene.clues.items():
            visible[kind] += 1
            right[kind] += (kind, value) in said
    answers = [parse(text) for text in answered]
    hits = [a.country == s.country for a, s in zip(answers, drawn, strict=True)]
    return Figures(
        scenes=scenes,
        right=sum(right.values()) / sum(visible.values()),
        invented=invented / max(1, named),
        by_kind={k: right[k] / max(1, visible[k]) for k in right},
        answers_parsed=float(np.mean([a.country is not None for a in answers])),
        country_accuracy=float(np.mean(hits)),
        countries=len(world.countries),
    )


def generate(folder: Path, images: list[Any], prompt: str, batch_size: int = 32) -> list[str]:
    """What the model says of each picture, greedily."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    texts: list[str] = []
    for start in range(0, len(images), batch_size):
        chats = [
            [{"role": "user", "content": [{"type": "image", "image": image},
                                          {"type": "text", "text": prompt}]}]
            for image in images[start : start + batch_size]
        ]  # fmt: skip
        inputs = processor.apply_chat_template(
            chats, add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt", processor_kwargs={"padding": True},
        )  # fmt: skip
        with torch.inference_mode():
            written = model.generate(**inputs, max_new_tokens=120, do_sample=False)
        new = written[:, inputs["input_ids"].shape[1] :]
        texts += processor.batch_decode(new, skip_special_tokens=True)
    return texts


def write_card(folder: Path, figures: Figures, command: str, steps: int, seconds: float) -> None:
    """README.md of the model folder."""
    rows = [f"| {name} | {value:.2f} |" for name, value in figures.by_kind.items()]
    lines = [
        "---", "license: apache-2.0", "library_name: transformers",
        "pipeline_tag: image-text-to-text", "tags: [synthetic]", "---",
        "# The tiny vision-language model of ClueWorld", "",
        "A Qwen2.5-VL of a small config that was trained on drawn scenes alone. It names the clues "
        "of a scene and knows the form of an answer; every place in its training was drawn at "
        "random, so it knows no geography. What it says of real photographs means nothing.", "",
        f"Made by `{command}` ({steps:,} steps, {seconds / 60:.0f} minutes on "
        f"{platform.machine()}, CPU, one thread).", "",
        f"On {figures.scenes} fresh scenes (seed {EVALUATION_SEED}):", "",
        f"- visible clues named right: {figures.right:.3f}",
        f"- clues named of a kind that is not to be seen: {figures.invented:.3f}",
        f"- answers with a country: {figures.answers_parsed:.3f}",
        f"- country accuracy: {figures.country_accuracy:.3f} "
        f"(chance: {1 / figures.countries:.3f})", "",
        "| kind of clue | named right |", "| --- | --- |", *rows, "",
    ]  # fmt: skip
    (folder / "README.md").write_text("\n".join(lines))
