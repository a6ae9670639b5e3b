"""What the tiny CLIP sees and reads while it trains: batches of scenes, and tokenised texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from georeasoner.clueworld import World
from scoring.locatability import class_names

SIZE = 160
PATCH = 16
CLUE_TEMPLATES = (
    "{clue}",
    "{clue}.",
    "a street view with {clue}",
    "{clue} in {place}",
    "in {place}, {clue}",
    "in {place} one often sees this: {clue}",
    "{clue} is common in {place}",
)
CLASS_TEMPLATES = ("{}", "a street view with {}")

PLACES = (
    "Argentina", "Australia", "Brazil", "Bulgaria", "Canada", "Chile", "Egypt", "France", "Germany",
    "India", "Indonesia", "Japan", "Kenya", "Mexico", "Morocco", "New Zealand", "Norway", "Peru",
    "Russia", "South Africa", "South Korea", "Sri Lanka", "the United Kingdom", "the United States",
)  # fmt: skip


def draw_batch(
    world: World, indices: range, seed: int, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Scenes as arrays: pixels (N, 3, SIZE, SIZE) in [-1, 1], shown (N, kinds) the index of each
    visible clue's value or -1, shares (N, P, 150) of ADE20K classes in each patch."""
    pixels, shown, shares = [], [], []
    for index in indices:
        scene = world.scene(index, seed=seed, role="build")
        picture = scene.render()
        image = picture.image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        array = np.asarray(image, dtype=np.float32) / 127.5 - 1.0
        array = array * rng.uniform(0.9, 1.1) + rng.uniform(-0.05, 0.05)
        pixels.append(array.transpose(2, 0, 1).astype(np.float32))
        shown.append(
            [
                k.values.index(scene.clues[k.name]) if k.name in scene.clues else -1
                for k in world.kinds
            ]
        )
        shares.append(patch_shares(picture.mask))
    return {
        "pixels": np.stack(pixels),
        "shown": np.array(shown, dtype=np.int64),
        "shares": np.stack(shares),
    }


def patch_shares(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W) class indices to (P, 150) shares in each of the patches that the model sees."""
    side = SIZE // PATCH
    rows = np.arange(mask.shape[0]) * side // mask.shape[0]
    columns = np.arange(mask.shape[1]) * side // mask.shape[1]
    cell = (rows[:, None] * side + columns[None, :]) * 150 + mask
    counts = np.bincount(cell.ravel(), minlength=side * side * 150).reshape(-1, 150)
    return (counts / counts.sum(1, keepdims=True)).astype(np.float32)


class Texts:
    """The texts of clues and classes, with a small tokenizer made from them."""

    def __init__(self, world: World, context: int) -> None:
        self.places = list(PLACES)
        self.phrases = [k.phrases[v] for k in world.kinds for v in k.values]
        stops = np.cumsum([len(k.values) for k in world.kinds]).tolist()
        self.ranges = list(zip([0, *stops[:-1]], stops, strict=True))
        self.classes = [[s.strip() for s in name.split(",")] for name in class_names()]
        self._context = context
        self.tokenizer = self._make_tokenizer()
        self.vocabulary = len(self.tokenizer)

    def _corpus(self) -> list[str]:
        clues = [p for phrases in self.phrases for p in phrases]
        filled = [t.format(clue=c, place=p) for t in CLUE_TEMPLATES for c in clues for p in ["x"]]
        named = [t.format(n) for t in CLASS_TEMPLATES for names in self.classes for n in names]
        return [*filled, *named, *self.places]

    def _make_tokenizer(self) -> Any:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
        from transformers import PreTrainedTokenizerFast

        special = ["<pad>", "<eos>", "<unk>"]
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.normalizer = normalizers.Lowercase()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        letters = list("abcdefghijklmnopqrstuvwxyz0123456789.,;:'-()/")
        made.train_from_iterator(
            self._corpus(),
            trainers.WordPieceTrainer(
                vocab_size=1000,
                special_tokens=special,
                initial_alphabet=letters,
                show_progress=False,
            ),
        )
        made.post_processor = processors.TemplateProcessing(
            single="$A <eos>", special_tokens=[("<eos>", 1)]
        )
        return PreTrainedTokenizerFast(
            tokenizer_object=made,
            pad_token="<pad>",
            eos_token="<eos>",
            unk_token="<unk>",
            model_max_length=self._context,
        )

    def tokens(self, texts: list[str]) -> torch.Tensor:
        """(M, context) token ids, as open_clip's tokenizer makes them."""
        return self.tokenizer(
            texts, max_length=self._context, padding="max_length", truncation=True,
            return_tensors="pt",
        ).input_ids  # fmt: skip

    def clue_tokens(self, rng: np.random.Generator) -> torch.Tensor:
        """One random wording for every value of every kind; places are random throughout."""
        template = CLUE_TEMPLATES[rng.integers(len(CLUE_TEMPLATES))]
        return self.tokens(
            [
                template.format(clue=rng.choice(list(options)), place=rng.choice(self.places))
                for options in self.phrases
            ]
        )

    def class_tokens(self, rng: np.random.Generator) -> torch.Tensor:
        """One random name for each of the 150 classes."""
        template = CLASS_TEMPLATES[rng.integers(len(CLASS_TEMPLATES))]
        return self.tokens([template.format(rng.choice(names)) for names in self.classes])
