"""How well the tiny CLIP does on fresh scenes, through the scorer's own code; and its card."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from georeasoner.clueworld import World
from scoring.locatability import class_names

EVALUATION_SEED = 20_240_721


@dataclass(frozen=True)
class Figures:
    """On `scenes` fresh scenes. `dense_correlation` is Pearson's r over scenes, per class."""

    scenes: int
    recognition: dict[str, float]
    dense_correlation: dict[str, float]
    country_accuracy: float
    countries: int


def evaluate(folder: Path, scenes: int = 512, seed: int = EVALUATION_SEED) -> Figures:
    """Zero-shot recognition per kind of clue (where it is visible), correlation of the dense class
    shares with the true masks for the ten commonest classes, zero-shot country accuracy."""
    from georeasoner.gazetteer import Gazetteer
    from scoring.clip.model import load_clip

    world, clip = World.load(), load_clip(str(folder))
    drawn = [world.scene(i, seed=seed, role="build") for i in range(scenes)]
    pictures = [scene.render() for scene in drawn]
    pooled, shares = [], []
    for start in range(0, scenes, 64):
        part = [p.image for p in pictures[start : start + 64]]
        vectors, found = clip.encode_images(part)
        pooled.append(vectors)
        shares.append(found)
    images, dense = np.concatenate(pooled), np.concatenate(shares)
    recognition = {}
    for kind in world.kinds:
        rows = [i for i, s in enumerate(drawn) if kind.name in s.clues]
        values = clip.encode_text([f"a street view with {kind.phrases[v][0]}" for v in kind.values])
        best = np.argmax(images[rows] @ values.T, axis=1)
        truth = [kind.values.index(drawn[i].clues[kind.name]) for i in rows]
        recognition[kind.name] = float(np.mean(best == truth))
    true = np.stack([np.bincount(p.mask.ravel(), minlength=150) / p.mask.size for p in pictures])
    common = np.argsort(-true.mean(0))[:10]
    correlation = {
        class_names()[k]: float(np.corrcoef(true[:, k], dense[:, k])[0, 1]) for k in common
    }
    names = [Gazetteer.load().name(c) for c in world.countries]
    texts = clip.encode_text([f"a street view in {name}" for name in names])
    guessed = np.argmax(images @ texts.T, axis=1)
    country = np.mean(
        [world.countries[g] == s.country for g, s in zip(guessed, drawn, strict=True)]
    )
    return Figures(scenes, recognition, correlation, float(country), len(world.countries))


def write_card(folder: Path, figures: Figures, command: str, steps: int, seconds: float) -> None:
    """README.md of the model folder."""
    rows = [f"| {name} | {value:.2f} |" for name, value in figures.recognition.items()]
    dense = [f"| {name} | {value:.2f} |" for name, value in figures.dense_correlation.items()]
    recognised = np.mean(list(figures.recognition.values()))
    correlated = np.mean(list(figures.dense_correlation.values()))
    lines = [
        "---", "license: apache-2.0", "library_name: open_clip", "tags: [clip, synthetic]", "---",
        "# The tiny CLIP of ClueWorld", "",
        "An open_clip model that was trained on drawn scenes alone. What it says of real "
        "photographs means nothing, and it knows no geography.", "",
        f"Made by `{command}` ({steps:,} steps, {seconds / 60:.0f} minutes on "
        f"{platform.machine()}, CPU).", "",
        f"On {figures.scenes} fresh scenes (seed {EVALUATION_SEED}), read through "
        "`scoring.clip.load_clip`:", "",
        f"Zero-shot recognition of a visible clue's value, averaged over the kinds: "
        f"{recognised:.3f}.", "", "| kind of clue | accuracy |", "| --- | --- |", *rows, "",
        f"Correlation of the dense class shares with the true masks, averaged over the ten "
        f"commonest classes: {correlated:.3f}.", "", "| class | r |", "| --- | --- |", *dense, "",
        f"Zero-shot country accuracy: {figures.country_accuracy:.3f} "
        f"(chance: {1 / figures.countries:.3f}).", "",
    ]  # fmt: skip
    (folder / "README.md").write_text("\n".join(lines))
