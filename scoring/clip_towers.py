"""The two libraries that CLIPs come in, behind one shape: pixels and texts in, features out.

A tower gives the pooled features of a picture and one feature per patch in the same space. The
training-free dense readout is MaskCLIP's (Zhou, Loy and Dai, "Extract Free Dense Labels from
CLIP", ECCV 2022): the attention of the last block is dropped and its value path kept. A patch that
can attend to nothing but itself goes exactly that way, so every patch is put through the last
block as a sequence of its own, and through whatever head pools and projects the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from georeasoner.errors import ModelError
from scoring.clip_source import ClipSource

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn


class Tower(Protocol):
    """A loaded CLIP in evaluation mode on one device."""

    logit_scale: float

    def preprocess(self, image: Image) -> Tensor:
        """(3, H, W) the model's input for one RGB picture."""

    def images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) gives pooled (N, D) and patches (N, P, D), not normalised."""

    def texts(self, texts: list[str]) -> Tensor:
        """(M, D) not normalised; longer texts than the model can read are cut."""


def load_tower(source: ClipSource, device: str) -> Tower:
    """Load the weights. Raises `ModelError` when they do not fit the config."""
    import torch

    kind = OpenClipTower if source.kind == "open_clip" else TransformersTower
    try:
        return kind(source, device)
    except (ModelError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # either library raises nearly every type on a bad folder
        reason = f"{type(error).__name__}: {error}"[:300]
        raise ModelError(
            f"{source.name} cannot be loaded: {reason}", "config and weights that fit"
        ) from error


class _Tap:
    """Remembers what last went into and came out of a module."""

    def __init__(self, module: nn.Module) -> None:
        self.input: Tensor
        self.output: Tensor
        module.register_forward_hook(self._keep, with_kwargs=True)

    def _keep(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self.input = args[0] if args else next(iter(kwargs.values()))
        self.output = out[0] if isinstance(out, tuple) else out


def _alone(tokens: Tensor) -> Tensor:
    """(N, P, C) tokens as N*P sequences of one token: (N*P, 1, C)."""
    return tokens.reshape(-1, 1, tokens.shape[-1])


def _grouped(patches: Tensor, pooled: Tensor) -> Tensor:
    """Projected patches in any layout, to (N, P, D) beside pooled (N, D)."""
    return patches.reshape(len(pooled), -1, pooled.shape[-1])


class OpenClipTower:
    """Any open_clip model but CoCa: its own vision transformer or ResNet, or a timm trunk."""

    def __init__(self, source: ClipSource, device: str) -> None:
        import open_clip
        from open_clip.modified_resnet import ModifiedResNet
        from open_clip.timm_model import TimmModel
        from open_clip.transformer import VisionTransformer

        if source.tag is not None:
            name, tag = source.tag
            # open_clip only warns when the tag was trained with the other activation
            quick = bool(open_clip.get_pretrained_cfg(name, tag).get("quick_gelu", False))
            model, _, transform = open_clip.create_model_and_transforms(
                name, tag, device=device, force_quick_gelu=quick
            )
        else:
            name = f"local-dir:{source.folder}"
            model, _, transform = open_clip.create_model_and_transforms(name, device=device)
        self._model, self.preprocess = model.eval(), transform
        self._tokenizer = open_clip.get_tokenizer(name)
        self._device = device
        self.logit_scale = float(model.logit_scale.detach().exp())
        self._value_path = source.readout.dense_readout == "maskclip"
        visual = model.visual
        if isinstance(visual, VisionTransformer) and visual.attn_pool is None:
            self.images, tapped = self._native, visual.transformer.resblocks[-1]
        elif isinstance(visual, ModifiedResNet):
            self.images, tapped = self._resnet, visual.attnpool
        elif isinstance(visual, TimmModel):
            self.images, tapped = self._timm, visual.trunk
            if self._value_path and hasattr(visual.trunk, "blocks"):
                tapped = visual.trunk.blocks[-1]
            else:
                self._value_path = False  # a convolutional trunk has no attention to drop
        else:
            raise ModelError(
                f"{source.name} has a {type(visual).__name__} that pools by attention queries",
                "a CLIP whose patches can be read (not CoCa)",
            )
        self._tap = _Tap(tapped)

    def texts(self, texts: list[str]) -> Tensor:
        return self._model.encode_text(self._tokenizer(texts).to(self._device))

    def _native(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        visual = self._model.visual
        pooled = visual(pixels)
        if self._value_path:
            tokens = visual.transformer.resblocks[-1](_alone(self._tap.input[:, 1:]))
        else:
            tokens = self._tap.output[:, 1:]
        return pooled, _grouped(visual.ln_post(tokens) @ visual.proj, pooled)

    def _resnet(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        pooled, pool = self._model.visual(pixels), self._model.visual.attnpool
        cells = self._tap.input.flatten(2).transpose(1, 2)  # (N, C, H, W) to (N, P, C)
        return pooled, _grouped(pool.c_proj(pool.v_proj(cells)), pooled)

    def _timm(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """A patch's features are what the trunk's head says of that patch alone."""
        visual, trunk = self._model.visual, self._model.visual.trunk
        features = trunk.forward_features(pixels)
        pooled = visual.head(trunk.forward_head(features))
        if features.ndim == 4:  # (N, C, H, W) to (N*P, C, 1, 1)
            alone = features.flatten(2).transpose(1, 2).flatten(0, 1)[:, :, None, None]
        else:
            prefix = trunk.num_prefix_tokens
            if self._value_path:
                alone = trunk.norm(trunk.blocks[-1](_alone(self._tap.input[:, prefix:])))
            else:
                alone = _alone(features[:, prefix:])
            # repeated, for heads that take the first token or the mean of those after the prefix
            alone = alone.expand(-1, prefix + 1, -1)
        return pooled, _grouped(visual.head(trunk.forward_head(alone)), pooled)


class TransformersTower:
    """A transformers `CLIPModel`, with safetensors or only a pytorch_model.bin."""

    def __init__(self, source: ClipSource, device: str) -> None:
        from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

        model, info = CLIPModel.from_pretrained(source.folder, output_loading_info=True)
        if missing := sorted(info["missing_keys"]):
            raise ModelError(
                f"{source.name} lacks {len(missing)} weights, such as {missing[0]}",
                "the weights of a whole CLIPModel",
            )
        self._model = model.eval().to(device)
        self._processor = AutoImageProcessor.from_pretrained(source.folder)
        self._tokenizer = AutoTokenizer.from_pretrained(source.folder)
        self._device = device
        self.logit_scale = float(model.logit_scale.detach().exp())
        self._value_path = source.readout.dense_readout == "maskclip"
        self._last = model.vision_model.encoder.layers[-1]
        self._tap = _Tap(self._last)

    def preprocess(self, image: Image) -> Tensor:
        return self._processor(images=image, return_tensors="pt")["pixel_values"][0]

    def images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        model = self._model
        pooled = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
        if self._value_path:
            patches = self._last(_alone(self._tap.input[:, 1:]), attention_mask=None)
            patches = patches[0] if isinstance(patches, tuple) else patches
        else:
            patches = self._tap.output[:, 1:]
        patches = model.visual_projection(model.vision_model.post_layernorm(patches))
        return pooled, _grouped(patches, pooled)

    def texts(self, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self._device)
        return self._model.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output
