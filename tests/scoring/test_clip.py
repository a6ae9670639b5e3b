"""CLIPs in both real formats go through one class; the dense readout is what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from georeasoner.errors import ModelError
from scoring.clip.model import ClipModel, load_clip
from scoring.clip.source import resolve_clip

VIT = {"image_size": 64, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16}
TOWERS: dict[str, tuple[int, dict]] = {
    "vit_of_timm": (16, {"timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear",
                         "image_size": 160}),
    "siglip_of_timm": (96, {"timm_model_name": "test_vit3", "timm_pool": "map",
                            "timm_proj": "none", "image_size": 160}),
    "convnet_of_timm": (16, {"timm_model_name": "test_resnet", "timm_pool": "avg",
                             "timm_proj": "linear", "image_size": 160}),
    "resnet_of_clip": (16, {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16,
                            "patch_size": None}),
}  # fmt: skip


def check(model: ClipModel, pictures: list[Image.Image], dimension: int) -> None:
    """The shapes and norms that the rest of the project relies on."""
    pooled, shares = model.encode_images(pictures)
    assert pooled.shape == (3, dimension) and shares.shape == (3, 150)
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares > 0).all() and not np.allclose(shares, 1 / 150, atol=1e-4)
    texts = model.encode_text(["a road", "yellow number plates " * 30])
    assert texts.shape == (2, dimension)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)


def test_open_clip_folder(open_clip_folder: Path, pictures: list[Image.Image]) -> None:
    model = load_clip(str(open_clip_folder))
    check(model, pictures, 32)
    name, _, revision = model.id.partition("@")
    assert name == "geo-tiny-vit" and len(revision) == 12
    assert load_clip(f"local-dir:{open_clip_folder}").id == model.id


def test_street_clip_folder(street_clip_folder: Path, pictures: list[Image.Image]) -> None:
    assert not list(street_clip_folder.glob("*.safetensors"))
    model = load_clip(str(street_clip_folder))
    check(model, pictures, 32)
    from transformers import CLIPModel, CLIPProcessor

    plain = CLIPModel.from_pretrained(street_clip_folder).eval()
    processor = CLIPProcessor.from_pretrained(street_clip_folder)
    with torch.inference_mode():
        inputs = processor(images=pictures, return_tensors="pt")
        expected = plain.get_image_features(**inputs).pooler_output.numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(model.encode_images(pictures)[0], expected, atol=1e-5)


@pytest.mark.parametrize("tower", TOWERS)
def test_every_kind_of_open_clip_tower(
    tower: str, make_open_clip: Callable[..., Path], pictures: list[Image.Image]
) -> None:
    dimension, vision = TOWERS[tower]
    check(load_clip(str(make_open_clip(tower, dimension, vision))), pictures, dimension)


@pytest.mark.parametrize("pool", ["tok", "avg"])
def test_maskclip_is_the_value_path_of_the_last_block(
    pool: str, make_open_clip: Callable[..., Path], pictures: list[Image.Image]
) -> None:
    """Written out after Zhou et al. 2022: x + out(v(ln_1 x)), then the block's MLP, norm, proj."""
    folder = make_open_clip(f"value-path-{pool}", 32, {**VIT, "pool_type": pool})
    model = load_clip(str(folder))
    visual = model._tower._model.visual
    pixels = torch.stack([model.preprocess(p) for p in pictures])
    normal = (pixels / 255 - 0.5) / 0.5
    with torch.inference_mode():
        x = visual._embeds(normal)
        x = visual.transformer.resblocks[0](x)[:, 1:]
        block = visual.transformer.resblocks[1]
        weight, bias = block.attn.in_proj_weight[64:], block.attn.in_proj_bias[64:]
        value = torch.nn.functional.linear(block.ln_1(x), weight, bias)
        x = x + block.attn.out_proj(value)
        x = x + block.mlp(block.ln_2(x))
        expected = visual.ln_post(x) @ visual.proj
        pooled, patches = model._tower.images(pixels)
        plain = open_clip.create_model(f"local-dir:{folder}").eval().encode_image(normal)
    assert patches.shape == (3, 16, 32)  # 64 px in patches of 16
    torch.testing.assert_close(patches, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pooled, plain, atol=1e-5, rtol=1e-4)


def test_the_value_path_in_transformers(
    street_clip_folder: Path, pictures: list[Image.Image]
) -> None:
    model = load_clip(str(street_clip_folder))
    clip = model._tower._model
    pixels = torch.stack([model.preprocess(p) for p in pictures])
    with torch.inference_mode():
        vision = clip.vision_model
        x = vision.pre_layrnorm(vision.embeddings(model._tower._pixels(pixels, torch.float32)))
        first, last = vision.encoder.layers
        x = first(x, None)[:, 1:]
        x = x + last.self_attn.out_proj(last.self_attn.v_proj(last.layer_norm1(x)))
        x = x + last.mlp(last.layer_norm2(x))
        expected = clip.visual_projection(vision.post_layernorm(x))
        _, patches = model._tower.images(pixels)
    torch.testing.assert_close(patches, expected, atol=1e-5, rtol=1e-4)


def test_folder_states_its_readout(
    open_clip_folder: Path, tmp_path: Path, pictures: list[Image.Image]
) -> None:
    folder = tmp_path / "stated"
    shutil.copytree(open_clip_folder, folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["georeasoner"] = {
        "dense_readout": "tokens", "temperature": 0.05, "synthetic_only": True,
        "class_prompts": ["a {}"],
    }  # fmt: skip
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    model = load_clip(str(folder))
    assert model.synthetic_only and not load_clip(str(open_clip_folder)).synthetic_only
    visual = model._tower._model.visual
    with torch.inference_mode():
        visual.output_tokens = True
        pixels = torch.stack([model.preprocess(p) for p in pictures])
        _, tokens = visual((pixels / 255 - 0.5) / 0.5)
        visual.output_tokens = False
        patches = tokens @ visual.proj
        patches = patches / patches.norm(dim=-1, keepdim=True)
    wall = model.encode_text(["a wall"])[0]
    road = model.encode_text(["a road", "a route"]).sum(0)
    np.testing.assert_allclose(model._classes[0].numpy(), wall, atol=1e-6)
    np.testing.assert_allclose(model._classes[6].numpy(), road / np.linalg.norm(road), atol=1e-6)
    expected = (patches @ model._classes.T / 0.05).softmax(-1).mean(1)
    np.testing.assert_allclose(model.encode_images(pictures)[1], expected.numpy(), atol=1e-5)


def test_a_model_of_the_hub_cache(
    street_clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, a repository that was downloaded before is found by name; its commit is kept."""
    import huggingface_hub.constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--geo--street"
    shutil.copytree(street_clip_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert resolve_clip("geo/street").id == "geo/street@0123456789ab"
    assert resolve_clip(f"hf-hub:geo/street@{commit}").id == "geo/street@0123456789ab"
    with pytest.raises(ModelError, match="geo/other cannot be had"):
        resolve_clip("geo/other")


def test_what_is_no_model_is_named(open_clip_folder: Path, tmp_path: Path) -> None:
    def refuse(model_id: str, match: str) -> None:
        with pytest.raises(ModelError, match=match):
            load_clip(model_id)

    refuse("./nowhere", "there is no folder './nowhere'")
    refuse("no-such-model", "'no-such-model' is unknown")
    refuse("ViT-B-32/laion3b", "no weights 'laion3b' for ViT-B-32; .*ViT-B-32/laion2b_s34b_b79k")
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse(str(empty), "holds no model")
    (empty / "config.json").write_text('{"model_type": "bert"}')
    refuse(str(empty), "a config but no weights")
    (empty / "pytorch_model.bin").write_bytes(b"")
    refuse(str(empty), "of model_type 'bert'")
    broken = tmp_path / "broken"
    shutil.copytree(open_clip_folder, broken)
    (broken / "open_clip_model.safetensors").write_bytes(b"\0" * 100)
    refuse(str(broken), "broken cannot be loaded")
    shutil.copy(open_clip_folder / "open_clip_model.safetensors", broken)
    config = json.loads((broken / "open_clip_config.json").read_text())
    config["model_cfg"]["embed_dim"] = 48
    (broken / "open_clip_config.json").write_text(json.dumps(config))
    refuse(str(broken), "size mismatch")
    config["georeasoner"] = {"dense_readout": "magic"}
    (broken / "open_clip_config.json").write_text(json.dumps(config))
    refuse(str(broken), "georeasoner.dense_readout")
    (broken / "open_clip_config.json").write_text("{")
    refuse(str(broken), "is not JSON")


def test_missing_weights_are_not_random(street_clip_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lacking"
    shutil.copytree(street_clip_folder, folder)
    state = torch.load(folder / "pytorch_model.bin")
    del state["visual_projection.weight"]
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"lacks 1 weights, such as visual_projection\.weight"):
        load_clip(str(folder))
