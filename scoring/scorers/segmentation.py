"""The scorer "segmentation": the paper's locatability, from the pixels of each class.

Any semantic or universal segmentation model of transformers (MaskFormer, Mask2Former, OneFormer,
SegFormer, BEiT, UPerNet, DPT ...) gives a class for every pixel; their shares are weighted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ModelError
from georeasoner.progress import log
from georeasoner.registry import register
from scoring.devices import devices_of, dtype_of
from scoring.labels import LabelMap, map_labels
from scoring.locatability import area_locatability
from scoring.model_files import content_revision, find_folder, read_json, weight_files
from scoring.scored import ImageScorer, Scored, Setup

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

_ACCEPTED = (
    "a Hub repository or a folder of a transformers model for semantic or universal segmentation,"
    " such as facebook/maskformer-swin-large-ade"
)
_USUAL_SIDE = 512  # pixels, where the processor does not say
_COUNTED = "counted"  # where an input shows the picture and no margin
# what the classes of pixels are made of, by the names that the families give it
_OUTPUTS = ("class_queries_logits", "masks_queries_logits", "logits", "pred_masks")


@register("scorer", "segmentation")
class SegmentationScorer(ImageScorer):
    """Shares of pixels by any segmentation model, matched to ADE20K by the names of its labels."""

    def __init__(self, setup: Setup) -> None:
        if setup.model is None:
            raise ModelError("--scorer segmentation without a --model", _ACCEPTED)
        self._folder, name, revision = find_folder(setup.model, _ACCEPTED)
        config = read_json(self._folder / "config.json", _ACCEPTED)
        weights = weight_files(self._folder)
        if not weights:
            raise ModelError(f"{self._folder} holds a config but no weights", _ACCEPTED)
        found = revision or content_revision([self._folder / "config.json", *weights])
        self.model_id = f"{name}@{found}"
        self.labels = _labels(config, name)
        self.min_side = _side(self._folder)
        self._setup, self._lock = setup, Lock()
        self._device = devices_of(setup.device)[0]

    @cached_property
    def _loaded(self) -> _Segmenter:
        if self.labels.unmatched:
            log(
                f"{self.model_id}: {len(self.labels.unmatched)} of {len(self.labels.labels)}"
                f" labels are no ADE20K class: {', '.join(self.labels.unmatched)}"
            )
        dtype = dtype_of(self._setup.precision, self._device)
        return _Segmenter.load(self._folder, self._device, dtype, self._setup.compile)

    def prepare(self, image: Image) -> dict[str, Tensor]:
        with self._lock:  # the first of the threads loads the model
            model = self._loaded
        return model.prepare(image)

    def score(self, inputs: Sequence[dict[str, Tensor]]) -> Scored:
        counts = self._loaded.label_counts(inputs, len(self.labels.labels))
        shares = self.labels.shares(counts / counts.sum(axis=1, keepdims=True))
        return Scored(area_locatability(shares, self._setup.weights), class_shares=shares)


def _labels(config: dict[str, Any], name: str) -> LabelMap:
    given = config.get("id2label")
    if not isinstance(given, dict) or not given:
        raise ModelError(f"the config of {name} has no id2label", _ACCEPTED)
    try:
        numbered = {int(number): str(label) for number, label in given.items()}
        labels = map_labels([numbered[number] for number in range(len(numbered))])
    except (KeyError, ValueError) as error:
        raise ModelError(f"the id2label of {name} lacks {error}", "0, 1, 2 ...") from error
    if len(labels.unmatched) == len(labels.labels):
        raise ModelError(
            f"none of the {len(labels.labels)} labels of {name} is an ADE20K class"
            f" ({', '.join(labels.labels[:3])} ...)",
            "labels by name in the config's id2label",
        )
    return labels


def _side(folder: Path) -> int:
    """Pixels of the shorter side that the processor wants."""
    config: dict[str, Any] = {}
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / name).is_file():
            config = read_json(folder / name, _ACCEPTED)
    size = config.get("image_processor", config).get("size")
    if isinstance(size, dict):
        sides = [v for k in ("shortest_edge", "height", "width") if (v := size.get(k))]
        return int(min(sides)) if sides else _USUAL_SIDE
    return size if isinstance(size, int) else _USUAL_SIDE


@dataclass(frozen=True)
class _Segmenter:
    """A loaded model with its processor."""

    model: Any
    processor: Any
    task: dict[str, Any]  # what the processor needs beside the picture
    device: str
    dtype: Any

    @classmethod
    def load(cls, folder: Path, device: str, dtype: Any, compile: bool) -> _Segmenter:
        """Raises `ModelError` for what is no such model, or lacks weights."""
        from transformers import (
            AutoConfig,
            AutoImageProcessor,
            AutoModelForSemanticSegmentation,
            AutoModelForUniversalSegmentation,
            AutoProcessor,
        )

        try:
            config = AutoConfig.from_pretrained(folder)
            kinds = (AutoModelForUniversalSegmentation, AutoModelForSemanticSegmentation)
            kind = next((k for k in kinds if type(config) in k._model_mapping), None)
            if kind is None:
                raise ModelError(f"{folder.name} is of model_type {config.model_type!r}", _ACCEPTED)
            model, info = kind.from_pretrained(folder, output_loading_info=True)
            asks = config.model_type == "oneformer"  # one model for three tasks
            loader = AutoProcessor if asks else AutoImageProcessor
            processor = loader.from_pretrained(folder)
        except ModelError:
            raise
        except Exception as error:  # transformers raises nearly every type on a bad folder
            reason = f"{type(error).__name__}: {error}"[:300]
            raise ModelError(
                f"{folder.name} cannot be loaded: {reason}", "config and weights that fit"
            ) from error
        if missing := sorted(info["missing_keys"]):
            raise ModelError(
                f"{folder.name} lacks {len(missing)} weights, such as {missing[0]}",
                "the weights of the whole model",
            )
        model = model.eval().to(device=device, dtype=dtype)
        if compile:
            model.compile()
        return cls(model, processor, {"task_inputs": ["semantic"]} if asks else {}, device, dtype)

    def prepare(self, image: Image) -> dict[str, Tensor]:
        """What the model takes for one RGB picture, without the dimension of the batch.

        Where the processor adds a margin, the input holds also where the picture is.
        """
        made = self.processor(images=image, return_tensors="pt", **self.task)
        if made.get("patch_offsets"):
            raise ModelError(
                "this model cuts a picture into crops", "a model that takes a picture as a whole"
            )
        names = ("pixel_values", "pixel_mask", "task_inputs")
        inputs = {name: made[name][0] for name in names if name in made}
        if (counted := self._counted(image, inputs)) is not None:
            inputs[_COUNTED] = counted
        return inputs

    def _counted(self, image: Image, inputs: dict[str, Tensor]) -> Tensor | None:
        """(H, W) where an input shows the picture; None where the processor adds no margin."""
        from PIL import Image as Pillow

        if "pixel_mask" in inputs:
            shown = inputs["pixel_mask"].bool()
        elif getattr(getattr(self.processor, "image_processor", self.processor), "do_pad", False):
            # it does not say where: of a white picture all but the margin stays as bright
            white = Pillow.new("RGB", image.size, "white")
            made = self.processor(images=white, return_tensors="pt", **self.task)
            values = made["pixel_values"][0]  # (3, H, W)
            shown = (values == values.amax((1, 2), keepdim=True)).all(0)
        else:
            return None
        return None if shown.all() else shown

    def label_counts(self, inputs: Sequence[dict[str, Tensor]], labels: int) -> NDArray[np.float64]:
        """(N, K) pixels of every label in N pictures, which may be of several sizes.

        A row is NaN where the model's outputs for that picture are not finite.
        """
        import torch

        found = np.zeros((len(inputs), labels))
        shapes = [tuple(view["pixel_values"].shape) for view in inputs]
        for shape in dict.fromkeys(shapes):
            rows = [at for at, other in enumerate(shapes) if other == shape]
            batch = {
                name: torch.stack([inputs[at][name] for at in rows]).to(self.device)
                for name in inputs[rows[0]]
                if name != _COUNTED
            }
            batch["pixel_values"] = batch["pixel_values"].to(self.dtype)
            with torch.inference_mode():
                outputs = self.model(**batch)
                for number, at in enumerate(rows):
                    found[at] = self._count(outputs, number, inputs[at], labels)
        return found

    def _count(
        self, outputs: Any, number: int, inputs: dict[str, Tensor], labels: int
    ) -> NDArray[np.float64]:
        """(K,) of one picture of a batch: the scores of all its pixels at once are large."""
        import torch

        one = SimpleNamespace(
            patch_offsets=None,
            **{
                name: value[number : number + 1].float()
                for name in _OUTPUTS
                if (value := getattr(outputs, name, None)) is not None
            },
        )
        values = [value for value in vars(one).values() if value is not None]
        if not values:
            raise ModelError(f"the model gives {sorted(outputs)}", f"some of {', '.join(_OUTPUTS)}")
        if not all(torch.isfinite(value).all() for value in values):
            # the classes of such pixels would look like any others
            return np.full(labels, np.nan)
        (pixels,) = self.processor.post_process_semantic_segmentation(
            one, target_sizes=[tuple(inputs["pixel_values"].shape[-2:])]
        )
        if _COUNTED in inputs:
            pixels = pixels[inputs[_COUNTED].to(pixels.device)]
        counts = torch.bincount(pixels.flatten().long(), minlength=labels)
        return counts[:labels].cpu().numpy().astype(np.float64)
