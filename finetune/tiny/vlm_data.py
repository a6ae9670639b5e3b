"""What the tiny vision-language model sees and says while it trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from finetune.tiny.vlm_parts import DESCRIBE, NO_CLUE, place_names
from georeasoner.answers import PROMPT
from georeasoner.clueworld import Scene, World

SIZE = 168  # pixels that the model sees; its processor makes the pictures so
DESCRIPTIONS = 0.5  # of the examples; the others are answers
VARIANTS = 0.3  # of the descriptions use other wordings than the canonical ones


def draw_scenes(world: World, indices: range, seed: int) -> dict[str, Any]:
    """images (N PIL), scenes (N), shown (N, kinds): 1 + index of the visible value, 0 unseen."""
    scenes = [world.scene(i, seed=seed, role="build") for i in indices]
    shown = [
        [1 + k.values.index(s.clues[k.name]) if k.name in s.clues else 0 for k in world.kinds]
        for s in scenes
    ]
    return {
        "images": [s.render().image for s in scenes],
        "scenes": scenes,
        "shown": np.array(shown, dtype=np.int64),
    }


class Speaker:
    """The right words for a scene, as token ids with a weight each."""

    def __init__(self, world: World, tokenizer: Any) -> None:
        self.world, self.tokenizer = world, tokenizer
        self.countries, self.cities = place_names(world)
        self._names = {self._ids(n)[0] for n in (*self.countries, *self.cities)}
        token = tokenizer.convert_tokens_to_ids
        self._image = token("<|image_pad|>")
        self._start = [token("<|user|>"), token("<|vision_start|>")]
        self._middle = [token("<|vision_end|>")]
        self._assistant = token("<|assistant|>")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def _completion(self, scene: Scene, describe: bool, rng: np.random.Generator) -> str:
        """A description, or an answer in which every place is drawn at random."""
        phrases = self.world.phrases(scene.clues, rng if rng.random() < VARIANTS else None)
        if describe:
            return "; ".join(phrases) or NO_CLUE
        guessed = "; ".join(f"{p} ({rng.choice(self.countries)})" for p in phrases) or NO_CLUE
        country, city = rng.choice(self.countries), rng.choice(self.cities)
        return f'{{"reasons": "{guessed}", "country": "{country}", "city": "{city}"}}'

    def say(
        self, scenes: list[Scene], image_tokens: int, rng: np.random.Generator, name_weight: float
    ) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask, is_image and weights, all (N, L), padded on the right."""
        rows, weights = [], []
        for scene in scenes:
            describe = rng.random() < DESCRIPTIONS
            prompt = self._ids(DESCRIBE if describe else PROMPT)
            head = [*self._start, *[self._image] * image_tokens, *self._middle, *prompt]
            head.append(self._assistant)
            tail = [*self._ids(self._completion(scene, describe, rng)), self.tokenizer.eos_token_id]
            rows.append(head + tail)
            said = [name_weight if i in self._names else 1.0 for i in tail]
            weights.append([0.0] * len(head) + said)
        longest = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        return {
            "input_ids": ids,
            "attention_mask": (ids != pad).long(),
            "is_image": ids == self._image,
            "weights": torch.tensor([w + [0.0] * (longest - len(w)) for w in weights]),
        }
