"""`vlm:ID`: any vision-language model of the Hub or a folder, with LoRA adapters on top.

ID is what `AutoModelForImageTextToText` loads: a folder, or `org/name` (`org/name@revision` pins
it). Adapters are peft folders; all of them are in the forward pass, the first one lowest, as in
GeoReasoner's two stages. The prompt and the parser are those of training; decoding is greedy.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.batching import batches
from benchmark.model import Model, Prediction, Setup, View
from georeasoner.answers import PROMPT
from georeasoner.clueworld.models import VLM
from georeasoner.errors import ModelError
from georeasoner.provenance import file_sha256, fingerprint
from georeasoner.registry import register

_WEIGHTS = ("*.safetensors", "*.bin")
_EXPECTED = "a folder or Hub repository of an image-text-to-text model"


@register("model", "vlm")
class Vlm(Model):
    """Asks for country, city and reasons, and answers in its own words."""

    takes_adapters = True

    def __init__(self, setup: Setup) -> None:
        if setup.model_id is None:
            raise ModelError("vlm without a model", _EXPECTED, "write vlm:ID")
        self._setup = setup
        self._folder, self.id = _resolve(setup.model_id)
        self.synthetic_only = Path(self._folder).resolve() == VLM.resolve()
        self._adapters = tuple((path, _adapter_hash(path)) for path in setup.adapters)

    def settings(self) -> dict[str, Any]:
        return {
            "prompt": fingerprint(PROMPT),
            "decoding": "greedy",
            "max_new_tokens": self._setup.max_new_tokens,
            "adapters": [{"name": path.name, "hash": hash_} for path, hash_ in self._adapters],
        }

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """The processor and the model on its device."""
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        place = self._setup.device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if place == "cpu" else "auto"
        try:
            processor = AutoProcessor.from_pretrained(self._folder)
            model = AutoModelForImageTextToText.from_pretrained(self._folder, dtype=dtype)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"{self.id} cannot be loaded: {reason}", _EXPECTED) from error
        processor.tokenizer.padding_side = "left"
        return processor, stack(model, self._setup.adapters).to(place).eval()

    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        _ = self._loaded  # outside of the latency
        for batch in batches(views, self._setup.batch_size):
            started = time.monotonic()
            texts = self._answer(batch)
            latency_s = (time.monotonic() - started) / len(batch)
            for view, text in zip(batch, texts, strict=True):
                yield Prediction(view.view_id, raw=text, latency_s=latency_s)

    def _answer(self, batch: list[View]) -> list[str]:
        import torch

        processor, model = self._loaded
        chats = [
            [{"role": "user", "content": [{"type": "image", "image": view.image},
                                          {"type": "text", "text": PROMPT}]}]
            for view in batch
        ]  # fmt: skip
        inputs = processor.apply_chat_template(
            chats, add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors="pt", processor_kwargs={"padding": True},
        ).to(model.device)  # fmt: skip
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
        with torch.inference_mode():
            written = model.generate(
                **inputs, max_new_tokens=self._setup.max_new_tokens, do_sample=False
            )
        new = written[:, inputs["input_ids"].shape[1] :]
        texts: list[str] = processor.batch_decode(new, skip_special_tokens=True)
        return [text.strip() for text in texts]


def stack(model: Any, adapters: tuple[Path, ...]) -> Any:
    """The model with every adapter merged into its weights, so that all act at once."""
    if not adapters:
        return model
    from peft import PeftModel

    names = [f"adapter{n}" for n in range(len(adapters))]
    stacked = PeftModel.from_pretrained(model, str(adapters[0]), adapter_name=names[0])
    for name, path in zip(names[1:], adapters[1:], strict=True):
        stacked.load_adapter(str(path), adapter_name=name)
    return stacked.merge_and_unload(adapter_names=names)


def _resolve(model_id: str) -> tuple[str, str]:
    """Where the files are, and `name@revision`: the commit, or a hash of config and weights."""
    folder = Path(model_id).expanduser()
    if folder.is_dir():
        files = [folder / "config.json", *sorted(f for w in _WEIGHTS for f in folder.glob(w))]
        if not files[0].is_file() or len(files) == 1:
            raise ModelError(f"{folder} has no config.json with weights beside it", _EXPECTED)
        revision = fingerprint([file_sha256(f) for f in files])
        return str(folder), f"{folder.resolve().name}@{revision}"
    if model_id.startswith((".", "/", "~")):
        raise ModelError(f"there is no folder {model_id!r}", _EXPECTED)
    from huggingface_hub import snapshot_download

    name, _, revision = model_id.partition("@")
    try:
        place = Path(snapshot_download(name, revision=revision or None))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{name} cannot be had from the Hub: {reason}", _EXPECTED) from error
    return str(place), f"{name}@{place.name[:12]}"


def _adapter_hash(path: Path) -> str:
    files = [path / "adapter_config.json", path / "adapter_model.safetensors"]
    missing = [f.name for f in files if not f.is_file()]
    if missing:
        raise ModelError(
            f"{path} has no {' and no '.join(missing)}",
            "the folder of one peft adapter",
            "run `finetune`, then give OUT/lora1 or both",
        )
    return fingerprint([file_sha256(f) for f in files])
