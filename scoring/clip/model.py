"""One pass of CLIP: pictures in; embeddings and the shares of 150 ADE20K classes out.

Any open_clip or transformers CLIP goes through this one class. The share of class k in a picture
is the mean over its patches of softmax over the classes of logit_scale * cos(patch, class text),
the dense readout of MaskCLIP (Zhou et al. 2022; see `towers`); a class's text embedding is the
mean over its synonyms and over prompts, as in the zero-shot ensembles of Radford et al. (2021).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scoring.clip.source import ClipSource, resolve_clip
from scoring.clip.towers import Tower, load_tower
from scoring.devices import devices_of, dtype_of
from scoring.locatability import class_names
from scoring.scored import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

Vectors = NDArray[np.float32]
_TEXT_BATCH = 256


class ClipModel:
    """A loaded CLIP. `id` is name@revision; `synthetic_only` models know no real photograph."""

    def __init__(self, source: ClipSource, tower: Tower, device: str) -> None:
        self.id = source.id
        self.synthetic_only = source.readout.synthetic_only
        self._prompts = source.readout.class_prompts
        temperature = source.readout.temperature
        self._scale = tower.logit_scale if temperature is None else 1.0 / temperature
        self._tower, self._device = tower, device

    @property
    def logit_scale(self) -> float:
        """What cosines of pictures and texts are multiplied by before a softmax."""
        return float(self._tower.logit_scale)

    def preprocess(self, image: Image) -> Tensor:
        """(3, H, W) the input for one RGB picture, in bytes where the model allows; in threads."""
        return self._tower.preprocess(image)

    def stack(self, inputs: Sequence[Tensor]) -> Tensor:
        """What `preprocess` made of N pictures as (N, 3, H, W), where a GPU can fetch it."""
        import torch

        pixels = torch.stack(list(inputs))
        return pixels.pin_memory() if self._device.startswith("cuda") else pixels

    def encode_images(self, images: Sequence[Image] | Tensor) -> tuple[Vectors, Vectors]:
        """RGB pictures, or what `stack` made of them, to pooled (N, D) and shares (N, 150).

        Pooled embeddings are of unit length; the shares of a picture sum to one.
        """
        import torch

        if not isinstance(images, torch.Tensor):
            images = self.stack([self.preprocess(image) for image in images])
        with torch.inference_mode():
            pooled, patches = self._tower.images(images.to(self._device, non_blocking=True))
            cosine = _unit(patches) @ self._classes.T  # (N, P, 150)
            shares = (self._scale * cosine).softmax(-1).mean(1)
            return _array(_unit(pooled)), _array(shares)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Texts to (M, D) of unit length."""
        import torch

        listed = list(texts)
        with torch.inference_mode():
            parts = [
                _unit(self._tower.texts(listed[start : start + _TEXT_BATCH]))
                for start in range(0, len(listed), _TEXT_BATCH)
            ]
        return np.concatenate([_array(part) for part in parts])

    @cached_property
    def _classes(self) -> Tensor:
        """(150, D) unit text embeddings of the classes, computed once."""
        import torch

        phrases, owner = [], []
        for number, name in enumerate(class_names()):
            for synonym in name.split(","):
                phrases += [prompt.replace("{}", synonym.strip()) for prompt in self._prompts]
                owner += [number] * len(self._prompts)
        vectors = self.encode_text(phrases)
        total = np.zeros((len(class_names()), vectors.shape[1]), dtype=np.float32)
        np.add.at(total, owner, vectors)
        total /= np.linalg.norm(total, axis=1, keepdims=True)
        return torch.from_numpy(total).to(self._device)


def load_clip(
    model: str | ClipSource | None = None,
    device: str | None = None,
    precision: Precision = "auto",
    compile: bool = False,
) -> ClipModel:
    """Load a CLIP by id (see `source`) or the shipped one, on a device ("cpu", "cuda:0", ...).

    Without a device a GPU is taken where there is one. `precision` is the vision tower's; texts
    are embedded once and in float32. Raises `ModelError`.
    """
    source = model if isinstance(model, ClipSource) else resolve_clip(model)
    place = devices_of(device)[0]
    tower = load_tower(source, place)
    tower.accelerate(dtype_of(precision, place), compile)
    return ClipModel(source, tower, place)


def _unit(vectors: Tensor) -> Tensor:
    return vectors.float() / vectors.float().norm(dim=-1, keepdim=True)


def _array(tensor: Tensor) -> Vectors:
    return tensor.float().cpu().numpy()
