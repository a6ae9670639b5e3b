"""The two libraries that CLIPs come in, behind one shape: pixels and texts in, features out.

A tower gives the pooled features of a picture and one feature per patch in the same space. The
training-free dense readout is MaskCLIP's (Zhou, Loy and Dai, "Extract Free Dense Labels from
CLIP", ECCV 2022): the attention of the last block is dropped and its value path kept. A patch that
can attend to nothing but itself goes exactly that way. Where the pooled features come from the
class token alone, a mask of the last block says so, and both readouts are one forward pass;
elsewhere the last block runs again with every patch as a sequence of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from georeasoner.errors import ModelError
from scoring.clip.source import ClipSource

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor, nn


class Tower(Protocol):
    """A loaded CLIP in evaluation mode on one device."""

    logit_scale: float

    def preprocess(self, image: Image) -> Tensor:
        """(3, H, W) of one RGB picture: bytes still to be normalised, or the input itself."""

    def images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) as `preprocess` gives it: pooled (N, D), patches (N, P, D), of any length"""

    def accelerate(self, dtype: torch.dtype, compile: bool) -> None:
        """Let the vision tower compute in `dtype`, and compile its blocks with torch.compile."""

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


class Pixels:
    """Bytes to what a model takes: the normalisation, done on the device for the whole batch."""

    def __init__(self, mean: Any, std: Any, scale: float = 1 / 255) -> None:
        import torch

        self._mean = torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1)
        self._std = torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1)
        self._scale = scale

    def __call__(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """(N, 3, H, W) bytes to `dtype`; what is no bytes is normalised already."""
        import torch

        if pixels.dtype != torch.uint8:
            return pixels.to(dtype)
        if self._mean.device != pixels.device:
            self._mean, self._std = self._mean.to(pixels.device), self._std.to(pixels.device)
        return ((pixels.float() * self._scale - self._mean) / self._std).to(dtype)


class _PatchesAlone:
    """From now on a block's class token attends to all tokens and a patch only to itself."""

    def __init__(self, block: nn.Module, mask_argument: str) -> None:
        self._argument = mask_argument
        self._mask: Tensor | None = None
        block.register_forward_pre_hook(self._masked, with_kwargs=True)

    def _masked(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        import torch

        tokens = args[0]  # (N, 1 + P, C)
        length, mask = tokens.shape[1], self._mask
        if mask is None or (mask.shape[0], mask.dtype, mask.device) != (
            length, tokens.dtype, tokens.device,
        ):  # fmt: skip
            alone = torch.full((length, length), -torch.inf).fill_diagonal_(0)
            alone[0] = 0
            mask = self._mask = alone.to(tokens)
        return (tokens,), {**kwargs, self._argument: mask}


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
        self._model = model.eval()
        self.preprocess, self._pixels = _in_bytes(transform)
        self._tokenizer = open_clip.get_tokenizer(name)
        self._device = device
        self.logit_scale = float(model.logit_scale.detach().exp())
        again = source.readout.dense_readout == "maskclip"
        visual = model.visual
        if isinstance(visual, VisionTransformer) and visual.attn_pool is None:
            self._read, tapped = self._native, visual.transformer.resblocks[-1]
            if again and visual.pool_type == "tok":
                _PatchesAlone(tapped, "attn_mask")
                again = False
        elif isinstance(visual, ModifiedResNet):
            self._read, tapped = self._resnet, visual.attnpool
        elif isinstance(visual, TimmModel):
            self._read, tapped = self._timm, visual.trunk
            if again and hasattr(visual.trunk, "blocks"):
                tapped = visual.trunk.blocks[-1]
            else:
                again = False  # a convolutional trunk has no attention to drop
        else:
            raise ModelError(
                f"{source.name} has a {type(visual).__name__} that pools by attention queries",
                "a CLIP whose patches can be read (not CoCa)",
            )
        self._tap = _Tap(tapped)
        self._again = again  # whether the last block runs again for the patches alone
        self._dtype = next(visual.parameters()).dtype

    def accelerate(self, dtype: torch.dtype, compile: bool) -> None:
        visual = self._model.visual
        visual.to(dtype)
        self._dtype = dtype
        if compile:
            blocks = getattr(getattr(visual, "transformer", None), "resblocks", None)
            if blocks is None:
                blocks = getattr(getattr(visual, "trunk", None), "blocks", [])
            _compile(blocks)

    def images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self._read(self._pixels(pixels, self._dtype))

    def texts(self, texts: list[str]) -> Tensor:
        return self._model.encode_text(self._tokenizer(texts).to(self._device))

    def _native(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        visual = self._model.visual
        pooled = visual(pixels)
        if self._again:
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
            if self._again:
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
        last = model.vision_model.encoder.layers[-1]
        if source.readout.dense_readout == "maskclip":
            _PatchesAlone(last, "attention_mask")
        self._tap = _Tap(last)
        processor = self._processor
        self._plain = bool(processor.do_rescale and processor.do_normalize)
        self._pixels = Pixels(processor.image_mean, processor.image_std, processor.rescale_factor)
        self._dtype = model.dtype

    def accelerate(self, dtype: torch.dtype, compile: bool) -> None:
        self._model.vision_model.to(dtype)
        self._model.visual_projection.to(dtype)
        self._dtype = dtype
        if compile:
            _compile(self._model.vision_model.encoder.layers)

    def preprocess(self, image: Image) -> Tensor:
        options = {"do_rescale": False, "do_normalize": False} if self._plain else {}
        return self._processor(images=image, return_tensors="pt", **options)["pixel_values"][0]

    def images(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        model, pixels = self._model, self._pixels(pixels, self._dtype)
        pooled = model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)
        patches = model.vision_model.post_layernorm(self._tap.output[:, 1:])
        patches = model.visual_projection(patches)
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


def _in_bytes(transform: Any) -> tuple[Any, Pixels]:
    """open_clip's transform up to the bytes, and the normalisation that is left for the device.

    A transform of another shape is kept whole.
    """
    from torchvision.transforms import Compose, Normalize
    from torchvision.transforms.functional import pil_to_tensor

    steps = list(getattr(transform, "transforms", []))
    if len(steps) < 2 or not isinstance(steps[-1], Normalize) or "ToTensor" not in repr(steps[-2]):
        return transform, Pixels((0, 0, 0), (1, 1, 1))
    geometry = Compose(steps[:-2])
    return lambda image: pil_to_tensor(geometry(image)), Pixels(steps[-1].mean, steps[-1].std)


def _compile(blocks: Any) -> None:
    """Compile in place every block but the last, whose input is tapped."""
    for block in list(blocks)[:-1]:
        block.compile()
