"""Small random CLIPs in the two real formats, written once per session."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TEXT = {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VIT = {"image_size": 64, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16}
MakeOpenClip = Callable[[str, int, dict], Path]


@pytest.fixture(scope="session")
def make_open_clip(tmp_path_factory: pytest.TempPathFactory) -> MakeOpenClip:
    """(name, embedding dimension, vision config) to the folder of a random open_clip model."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    root = tmp_path_factory.mktemp("open_clip")

    def make(name: str, embed_dim: int, vision_cfg: dict) -> Path:
        config = {"embed_dim": embed_dim, "vision_cfg": vision_cfg, "text_cfg": TEXT}
        (root / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(root / f"{name}.json")
        torch.manual_seed(0)
        model = open_clip.create_model(name)
        folder = root / name
        folder.mkdir()
        preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3}
        written = {"model_cfg": config, "preprocess_cfg": preprocess}
        (folder / "open_clip_config.json").write_text(json.dumps(written))
        save_model(model, str(folder / "open_clip_model.safetensors"))
        return folder

    return make


@pytest.fixture(scope="session")
def open_clip_folder(make_open_clip: MakeOpenClip) -> Path:
    """A random vision transformer that states no readout, so MaskCLIP's is taken."""
    return make_open_clip("geo-tiny-vit", 32, VIT)


@pytest.fixture(scope="session")
def street_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random transformers CLIP in StreetCLIP's layout: pytorch_model.bin and no safetensors."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
        PreTrainedTokenizerFast,
    )

    start, end = "<|startoftext|>", "<|endoftext|>"
    vocabulary = {c: n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary |= {start: len(vocabulary), end: len(vocabulary) + 1}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=end))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end, unk_token=end,
        model_max_length=24,
    )  # fmt: skip
    pixels = CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    width = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 2, "projection_dim": 32}  # fmt: skip
    ends = {"bos_token_id": vocabulary[start], "eos_token_id": vocabulary[end],
            "pad_token_id": vocabulary[end]}  # fmt: skip
    config = CLIPConfig(
        text_config={**width, **ends, "vocab_size": len(vocabulary), "max_position_embeddings": 24},
        vision_config={**width, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )
    torch.manual_seed(0)
    model = CLIPModel(config).eval()
    folder = tmp_path_factory.mktemp("hf") / "street-clip-tiny"
    model.config.save_pretrained(folder)
    CLIPProcessor(image_processor=pixels, tokenizer=fast).save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Three noisy RGB pictures of 80 x 64 pixels."""
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)) for _ in range(3)]
