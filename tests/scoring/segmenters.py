"""Small random segmentation models of each family, saved in the format of the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoring.locatability import class_names

SWIN = {"image_size": 64, "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2],
        "window_size": 2, "out_features": ["stage1", "stage2", "stage3", "stage4"]}  # fmt: skip
SIZE = {"height": 64, "width": 96}
SMALL = {"encoder_layers": 1, "decoder_layers": 2, "num_attention_heads": 2,
         "dim_feedforward": 32, "encoder_feedforward_dim": 32}  # fmt: skip


def maskformer() -> tuple[Any, Any]:
    from transformers import (
        DetrConfig,
        MaskFormerConfig,
        MaskFormerForInstanceSegmentation,
        MaskFormerImageProcessor,
        MaskFormerSwinConfig,
    )

    swin = MaskFormerSwinConfig(**SWIN)
    detr = DetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=5,
    )  # fmt: skip
    config = MaskFormerConfig(
        backbone_config=swin, decoder_config=detr, fpn_feature_size=32, mask_feature_size=32
    )
    return MaskFormerForInstanceSegmentation, (config, MaskFormerImageProcessor(size=SIZE))


def mask2former() -> tuple[Any, Any]:
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    config = Mask2FormerConfig(
        backbone_config=SwinConfig(**SWIN), feature_size=32, mask_feature_size=32, hidden_dim=32,
        num_queries=5, feature_strides=[4, 8, 16, 32], **SMALL,
    )  # fmt: skip
    return Mask2FormerForUniversalSegmentation, (config, Mask2FormerImageProcessor(size=SIZE))


def oneformer() -> tuple[Any, Any]:
    from transformers import (
        OneFormerConfig,
        OneFormerForUniversalSegmentation,
        OneFormerImageProcessor,
        SwinConfig,
    )

    config = OneFormerConfig(
        backbone_config=SwinConfig(**SWIN), hidden_dim=32, mask_dim=32, conv_dim=32,
        num_queries=5, num_attention_heads=2, encoder_layers=1, decoder_layers=2,
        dim_feedforward=32, encoder_feedforward_dim=32, query_dec_layers=1,
        text_encoder_width=32, text_encoder_num_layers=1, text_encoder_vocab_size=300,
        text_encoder_context_length=12, task_seq_len=12, max_seq_len=12, text_encoder_n_ctx=4,
        use_auxiliary_loss=True, is_training=False,
    )  # fmt: skip
    return OneFormerForUniversalSegmentation, (config, OneFormerImageProcessor)


def segformer() -> tuple[Any, Any]:
    from transformers import (
        SegformerConfig,
        SegformerForSemanticSegmentation,
        SegformerImageProcessor,
    )

    config = SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
    )  # fmt: skip
    return SegformerForSemanticSegmentation, (config, SegformerImageProcessor(size=SIZE))


def beit() -> tuple[Any, Any]:
    from transformers import BeitConfig, BeitForSemanticSegmentation, BeitImageProcessor

    config = BeitConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
        image_size=64, out_indices=[1, 2, 3, 4], use_relative_position_bias=True,
    )  # fmt: skip
    size = {"height": 64, "width": 64}
    processor = BeitImageProcessor(size=size, do_center_crop=False)
    return BeitForSemanticSegmentation, (config, processor)


def dpt() -> tuple[Any, Any]:
    """Its processor adds a margin all around and does not say where."""
    from transformers import DPTConfig, DPTForSemanticSegmentation, DPTImageProcessor

    config = DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
        image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, use_auxiliary_head=False,
    )  # fmt: skip
    size = {"height": 60, "width": 64}
    return DPTForSemanticSegmentation, (
        config, DPTImageProcessor(size=size, do_pad=True, size_divisor=16),
    )  # fmt: skip


def eomt() -> tuple[Any, Any]:
    """Its processor keeps the aspect and fills the rest of a square."""
    from transformers import EomtConfig, EomtForUniversalSegmentation, EomtImageProcessor

    config = EomtConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=64, patch_size=16,
        num_queries=5, num_blocks=1, num_upscale_blocks=1,
    )  # fmt: skip
    size = {"shortest_edge": 64, "longest_edge": 64}
    return EomtForUniversalSegmentation, (
        config, EomtImageProcessor(size=size, do_pad=True, do_split_image=False),
    )  # fmt: skip


def padded_mask2former() -> tuple[Any, Any]:
    kind, (config, processor) = mask2former()
    sizes = {"size": {"height": 64, "width": 96}, "pad_size": {"height": 128, "width": 160}}
    return kind, (config, type(processor)(**sizes))


PADDED: dict[str, Callable[[], tuple[Any, Any]]] = {
    f.__name__: f for f in (dpt, eomt, padded_mask2former)
}
FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    f.__name__: f for f in (maskformer, mask2former, oneformer, segformer, beit)
}


def save(family: str, folder: Path, labels: list[str] | None = None) -> Path:
    """A random model with these labels, by default those of ADE20K."""
    import torch

    names = labels or list(class_names())
    kind, (config, processor) = (FAMILIES | PADDED)[family]()
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    torch.manual_seed(0)
    model = kind(config)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    if family == "oneformer":
        info = {str(n): {"name": name, "isthing": 0} for n, name in enumerate(names)}
        (folder / "classes.json").write_text(json.dumps(info))
        made = processor(
            size=SIZE, class_info_file="classes.json", repo_path=str(folder), num_text=1
        )
        _one_former_processor(made).save_pretrained(folder)
    else:
        processor.save_pretrained(folder)
    return folder


def _one_former_processor(images: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import OneFormerProcessor, PreTrainedTokenizerFast

    start, end = "<|startoftext|>", "<|endoftext|>"
    vocabulary = {c: n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary |= {start: len(vocabulary), end: len(vocabulary) + 1}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=end))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end, unk_token=end,
        model_max_length=12,
    )  # fmt: skip
    return OneFormerProcessor(
        image_processor=images, tokenizer=fast, max_seq_length=12, task_seq_length=12
    )
