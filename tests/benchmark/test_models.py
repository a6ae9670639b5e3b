"""The baselines and the vision-language model, on small checkpoints in the real formats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.candidates import Candidates
from benchmark.model import Prediction, Setup, View, make_model
from benchmark.task import Task, load_task
from georeasoner.answers import PROMPT
from georeasoner.errors import ConfigError, InputError, ModelError
from georeasoner.gazetteer import Gazetteer
from scoring.decode import safe_open


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random open_clip model."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 32, "layers": 2,
                       "head_width": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2,
                     "layers": 1},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("clip") / "benchmark-tiny-clip"
    folder.mkdir()
    (folder / "benchmark-tiny-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "benchmark-tiny-clip.json")
    torch.manual_seed(0)
    model = open_clip.create_model("benchmark-tiny-clip")
    normal = {"mean": [0.5] * 3, "std": [0.5] * 3}
    written = {"model_cfg": config, "preprocess_cfg": normal}
    (folder / "open_clip_config.json").write_text(json.dumps(written))
    save_model(model, str(folder / "open_clip_model.safetensors"))
    return str(folder)


@pytest.fixture(scope="module")
def vlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2.5-VL of 0.3 M parameters with its processor."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>",
               "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]  # fmt: skip
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    words.train_from_iterator([PROMPT], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=special,
    )  # fmt: skip
    number = tokenizer.convert_tokens_to_ids
    text = {"vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 64,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3],
                                "rope_theta": 1e4}}  # fmt: skip
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2,
              "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
              "window_size": 56, "out_hidden_size": 64, "fullatt_block_indexes": [0]}  # fmt: skip
    config = transformers.Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"), tie_word_embeddings=True,
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )  # fmt: skip
    pixels = {"shortest_edge": 56 * 56, "longest_edge": 56 * 56}
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}"
        "{{ m.content }}{% else %}{% for c in m.content %}{% if c.type == 'image' %}"
        "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c.text }}{% endif %}{% endfor %}"
        "{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    processor = transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessor(size=pixels), tokenizer,
        transformers.Qwen2VLVideoProcessor(), chat_template=template,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = number("<|im_end|>")
    model.generation_config.pad_token_id = number("<|endoftext|>")
    folder = tmp_path_factory.mktemp("vlm") / "tiny-vlm"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(vlm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two adapters with weights large enough to change what is said."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    root = tmp_path_factory.mktemp("adapters")
    config = LoraConfig(r=4, target_modules=r".*language_model.*\.(q_proj|v_proj|down_proj)")
    for seed, name in enumerate(("lora1", "lora2")):
        base = AutoModelForImageTextToText.from_pretrained(vlm_folder, dtype=torch.float32)
        model = get_peft_model(base, config)
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator)
        model.save_pretrained(root / name)
    return [root / "lora1", root / "lora2"]


def views(task: Task, n: int) -> list[View]:
    read = task.read_pictures(frozenset(task.view_ids[:n]))
    return [View(view_id, safe_open(data)) for view_id, data in read]


def said(found: list[Prediction]) -> list[str | None]:
    return [prediction.raw for prediction in found]


def test_nearest_finds_the_same_picture(clip_folder: str, training: Path):
    train = load_task(f"lake:{training}")
    model = make_model(f"nearest:{clip_folder}", Setup(train=train, batch_size=5))
    found = list(model.predict(views(train, 7)))
    for prediction, row in zip(found, train.truth.to_pylist(), strict=False):
        assert prediction.view_id == row["view_id"]
        assert (prediction.answer.lat, prediction.answer.lon) == (row["lat"], row["lon"])
        assert (prediction.answer.country, prediction.answer.city) == (row["country"], row["city"])
    assert clip_folder.rsplit("/", 1)[-1] in model.id and train.revision in model.id


def test_neighbours_vote(clip_folder: str, training: Path):
    train = load_task(f"lake:{training}")
    counts: dict[str, int] = {}
    for country in train.truth["country"].to_pylist():
        counts[country] = counts.get(country, 0) + 1
    everyone = Setup(train=train, neighbours=len(train))
    model = make_model(f"nearest:{clip_folder}", everyone)
    found = next(iter(model.predict(views(train, 1)))).answer
    # similarities of a random model are nearly equal, so the most frequent country wins
    assert counts[found.country] == max(counts.values())


def test_clip_takes_countries_then_cities(clip_folder: str, task: Task, tmp_path: Path):
    (tmp_path / "places.csv").write_text("country,city\nJapan,Tokyo\nJapan,Osaka\nFR,Lyon\nDE,\n")
    candidates = Candidates.load(str(tmp_path / "places.csv"), Gazetteer.load())
    assert candidates.cities == {"DE": (), "FR": ("Lyon",), "JP": ("Osaka", "Tokyo")}
    model = make_model(f"clip-zeroshot:{clip_folder}", Setup(candidates=candidates))
    for prediction in model.predict(views(task, 6)):
        answer = prediction.answer
        cities = candidates.cities[answer.country]
        assert answer.city in cities if cities else answer.city is None
    only = Candidates({"JP": ("Tokyo",)}, "one place")
    model = make_model(f"clip-zeroshot:{clip_folder}", Setup(candidates=only))
    answer = next(iter(model.predict(views(task, 1)))).answer
    assert (answer.country, answer.city) == ("JP", "Tokyo")
    (tmp_path / "places.csv").write_text("country\nAtlantis\n")
    with pytest.raises(InputError, match="Atlantis"):
        Candidates.load(str(tmp_path / "places.csv"), Gazetteer.load())


def test_the_worlds_candidates():
    world = Candidates.of_the_world(Gazetteer.load())
    assert len(world.cities) > 200 and max(len(c) for c in world.cities.values()) == 30
    assert world.cities["JP"][0] == "Tokyo"


def test_candidates_of_a_task_are_frequent_first(task: Task):
    pairs = [("JP", "Osaka"), ("JP", "Tokyo"), ("JP", "Tokyo"), ("FR", None), (None, "X")]
    assert Candidates.of_pairs(pairs, "t").cities == {"FR": (), "JP": ("Tokyo", "Osaka")}
    assert set(Candidates.of_task(task).cities) == set(task.truth["country"].to_pylist())


def test_a_vision_language_model_speaks(vlm_folder: Path, task: Task):
    asked = views(task, 5)
    # pictures of different sizes in one batch
    asked[1] = replace(asked[1], image=Image.fromarray(np.zeros((90, 200, 3), np.uint8)))
    setup = Setup(max_new_tokens=6, batch_size=3, device="cpu")
    model = make_model(f"vlm:{vlm_folder}", setup)
    together = list(model.predict(asked))
    assert [p.view_id for p in together] == [v.view_id for v in asked]
    alone = list(make_model(f"vlm:{vlm_folder}", replace(setup, batch_size=1)).predict(asked))
    assert said(together) == said(alone)
    assert all(p.latency_s > 0 for p in together)


def test_stacked_adapters_all_act(vlm_folder: Path, adapters: list[Path], task: Task):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    from benchmark.models.vlm import stack

    def base():
        return AutoModelForImageTextToText.from_pretrained(vlm_folder, dtype=torch.float32).eval()

    ids = {"input_ids": torch.arange(9, 29)[None]}
    both = PeftModel.from_pretrained(base(), str(adapters[0]), adapter_name="a")
    both.load_adapter(str(adapters[1]), adapter_name="b")
    both.base_model.set_adapter(["a", "b"])
    with torch.inference_mode():
        wanted = both(**ids).logits
        merged = stack(base(), tuple(adapters))(**ids).logits
        first = stack(base(), (adapters[0],))(**ids).logits
        none = stack(base(), ())(**ids).logits
    torch.testing.assert_close(merged, wanted, rtol=1e-3, atol=1e-3)
    assert (merged - first).abs().max() > 0.1 < (first - none).abs().max()

    models = [
        make_model(f"vlm:{vlm_folder}", Setup(adapters=tuple(chosen), max_new_tokens=6))
        for chosen in ([], adapters[:1], adapters)
    ]
    assert len({json.dumps(m.settings()) for m in models}) == 3
    assert len({m.id for m in models}) == 1
    assert len({str(said(list(m.predict(views(task, 2))))) for m in models}) == 3


def test_model_mistakes(vlm_folder: Path, tmp_path: Path, task: Task):
    with pytest.raises(ModelError, match="vlm without a model"):
        make_model("vlm", Setup())
    with pytest.raises(ModelError, match="there is no folder"):
        make_model(f"vlm:{tmp_path / 'nothing'}", Setup())
    with pytest.raises(ModelError, match="no config"):
        make_model(f"vlm:{tmp_path}", Setup())
    with pytest.raises(ModelError, match=r"adapter_config\.json and no adapter_model"):
        make_model(f"vlm:{vlm_folder}", Setup(adapters=(tmp_path,)))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be loaded"):
        list(make_model(f"vlm:{tmp_path}", Setup()).predict(views(task, 1)))
    with pytest.raises(ConfigError, match="needs training data"):
        make_model("nearest", Setup())
