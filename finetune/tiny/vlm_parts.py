"""The tiny model's parts: a small Qwen2.5-VL, its image processor, and a tokenizer of our own.

The tokenizer is a small byte-level BPE that can write anything, with the phrases of clues, the
names of places and the frame of an answer as words of their own: sequences stay short, and short
sequences are what makes the model quick on a CPU.
"""

from __future__ import annotations

from typing import Any

from georeasoner.answers import PROMPT
from georeasoner.clueworld import World
from georeasoner.gazetteer import Gazetteer

DESCRIBE = "Describe what you see."
NO_CLUE = "no clues"
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|vision_start|>", "<|vision_end|>",
           "<|image_pad|>", "<|video_pad|>"]  # fmt: skip
FRAME = ['{"reasons": "', '", "country": "', '", "city": "', '"}', "; ", " (", ")"]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def place_names(world: World) -> tuple[list[str], list[str]]:
    """The names of the world's countries and cities, as answers have them."""
    gazetteer = Gazetteer.load()
    return [gazetteer.name(c) for c in world.countries], sorted({c.name for c in world.cities})


def new_tokenizer(world: World) -> Any:
    """A byte-level BPE with our words added."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    countries, cities = place_names(world)
    phrases = [p for k in world.kinds for v in k.values for p in k.phrases[v]]
    corpus = [*phrases, *countries, *cities, PROMPT, DESCRIBE, "The reasons are plain to see."]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    words = [*phrases, *countries, *cities, PROMPT, DESCRIBE, NO_CLUE, *FRAME]
    made.add_tokens([AddedToken(w, normalized=False) for w in dict.fromkeys(words)])
    # a byte-level decoder takes the accents of an added word for bytes: hand it their byte form
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    accented = [w for w in words if not w.isascii()]
    made.decoder = decoders.Sequence(
        [
            *(decoders.Replace(w, level.pre_tokenize_str(w)[0][0]) for w in accented),
            decoders.ByteLevel(),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        padding_side="left",
        model_max_length=512,
        additional_special_tokens=SPECIAL[2:],
        clean_up_tokenization_spaces=False,
    )


def new_processor(world: World, size: int) -> Any:
    """Pictures of `size` x `size` pixels and the tokenizer, as one processor."""
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    pixels = {"shortest_edge": size * size, "longest_edge": size * size}
    return Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(size=pixels),
        new_tokenizer(world),
        Qwen2VLVideoProcessor(),
        chat_template=TEMPLATE,
    )


def new_model(tokenizer: Any) -> Any:
    """An untrained Qwen2.5-VL of about 4 M parameters."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    token = tokenizer.convert_tokens_to_ids
    width, depth = 192, 5
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [4, 6, 6],
            "rope_theta": 10_000.0,
        },
    }
    vision = {
        "depth": depth,
        "hidden_size": 160,
        "intermediate_size": 448,
        "num_heads": 5,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "out_hidden_size": width,
        "fullatt_block_indexes": list(range(depth)),
    }
    model = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=True,
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
        )
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
