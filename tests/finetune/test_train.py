"""The two stages on the tiny model: what learns, what stays, what is done again and what is not."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from benchmark.models.vlm import stack
from builders.dataset import build
from builders.ingest import ingest
from finetune import stack as stages
from finetune.recipe import FinetuneRecipe
from finetune.train import finetune, stage_data, train
from georeasoner.answers import parse
from georeasoner.clueworld import World
from georeasoner.clueworld.models import VLM
from georeasoner.errors import ConfigError, EmptyResultError, InputError, ModelError, UserError
from georeasoner.lake import Lake

SCORE = "clip:by-hand@1:abc"
STAGE = {
    "max_steps": 3, "batch_size": 4, "gradient_accumulation": 1, "learning_rate": 1e-2,
    "max_length": None, "gradient_checkpointing": False,
    "lora": {"rank": 4, "alpha": 8, "dropout": 0.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """24 scenes with the clues that the world says they show, built by the real code."""
    root = tmp_path_factory.mktemp("finetune")
    lake, world = Lake.create(root / "lake"), World.load()
    ingest(lake, "clueworld:24")
    phrases = [p for kind in world.kinds for v in kind.values for p in kind.phrases[v][:1]]
    kinds = [kind.name for kind in world.kinds for _ in kind.values]
    with lake.writing("scrape", {}) as out:
        for kind, phrase in zip(kinds, phrases, strict=True):
            row = {"clue_id": phrase, "text": phrase, "category": kind, "countries": ["FR"]}
            out.add("clues", [row | {"license": "CC0-1.0", "ai_training_allowed": True}])
            out.accept()
    with lake.writing("score", {"score_id": SCORE}) as out:
        for view in lake.read("views").to_pylist():
            shown = world.phrases(json.loads(view["extra"])["clues"])
            row = {
                "score_id": SCORE, "view_id": view["view_id"], "locatability": 0.5,
                "top_clues": [{"clue_id": p, "similarity": 0.9} for p in shown],
            }  # fmt: skip
            out.add("scores", [row])
            out.accept()
    build(lake, root / "dataset", min_locatability=0.4)
    return root / "dataset"


@pytest.fixture(scope="module")
def recipe(dataset, tmp_path_factory):
    def made(**changes):
        settings = {
            "base_model": str(VLM), "dataset": str(dataset), "dtype": "float32", "seed": 3,
            "out": str(tmp_path_factory.mktemp("adapters") / "out"),
            "reasons": {"at_most": 12, "order": "category"},
            "reasoning": STAGE, "location": STAGE,
        }  # fmt: skip
        return FinetuneRecipe.model_validate(settings | changes)

    return made


@pytest.fixture(scope="module")
def run(recipe):
    """Both stages, and the trainer of each as it was at its end."""
    trainers = []

    class Kept(stages.StackedTrainer):
        def __init__(self, **settings):
            super().__init__(**settings)
            trainers.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "StackedTrainer", Kept)
        made = recipe()
        first, second = train(made)
    return made, first, second, trainers


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def weights(folder):
    return load_file(folder / "adapter_model.safetensors")


def of_adapter(model, name):
    """A live adapter's tensors under the names that peft gives them on disk."""
    return {
        key.replace(f".{name}", ""): value.detach()
        for key, value in model.named_parameters()
        if f".{name}." in key
    }


def base_weights(model):
    return {k: v.detach().clone() for k, v in model.named_parameters() if ".lora_" not in k}


def test_lora1_and_the_base_stay_while_lora2_learns(run):
    _, first, second, (reasoning, location) = run
    assert same(of_adapter(location.model, "lora1"), weights(first))
    assert same(of_adapter(location.model, "lora2"), weights(second))
    assert same(base_weights(reasoning.model), base_weights(location.model))
    moved = weights(second)
    assert all(v.abs().sum() > 0 for k, v in moved.items() if "lora_B" in k)  # they began at zero
    learning = {k for k, p in location.model.named_parameters() if p.requires_grad}
    assert learning and all(".lora2." in k for k in learning)


def test_the_benchmark_sees_what_was_trained(run):
    """Both adapters act: merged by the benchmark they give the trained model's logits."""
    from transformers import AutoModelForImageTextToText

    _, first, second, (_, location) = run
    batch = next(iter(location.get_train_dataloader()))
    batch.pop("labels")

    def logits(model):
        with torch.inference_mode():
            return model.eval()(**batch).logits

    def loaded(*adapters):
        base = AutoModelForImageTextToText.from_pretrained(VLM, dtype=torch.float32)
        return logits(stack(base, adapters))

    trained, both = logits(location.model), loaded(first, second)
    assert torch.allclose(trained, both, atol=1e-3)
    assert (both - loaded(first)).abs().max() > 0.05
    assert (loaded(first) - loaded()).abs().max() > 0.05


def test_only_the_answer_counts(run):
    """Of each example the labels are the answer and its end, and the picture is among the rest."""
    _, _, _, (_, location) = run
    tokenizer = location.processing_class.tokenizer
    batch = next(iter(location.get_train_dataloader()))
    image = location.model.config.image_token_id
    for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
        counted = labels != -100
        assert torch.equal(ids[counted], labels[counted])
        text = tokenizer.decode(ids[counted])
        assert text.startswith('{"reasons": "') and text.endswith('"}<|end|>')
        assert parse(text.removesuffix("<|end|>")).city is not None
        assert (ids[~counted] == image).sum() == 36  # 168 pixels: 12 x 12 patches, merged by 2 x 2


def test_what_is_done_is_not_done_again(run, capsys):
    made, first, second, _ = run
    times = [(f / "adapter_model.safetensors").stat().st_mtime_ns for f in (first, second)]
    assert train(made) == [first, second]
    assert capsys.readouterr().err.count("nothing to do") == 2
    assert times == [(f / "adapter_model.safetensors").stat().st_mtime_ns for f in (first, second)]


def test_stage_by_stage_is_the_same_and_a_dead_stage_starts_over(run, recipe):
    _, first, second, _ = run
    again = recipe()
    out = train(again, "reasoning")[0].parent
    left = out / ".tmp-lora2" / "lora2"  # what a killed run leaves
    left.mkdir(parents=True)
    (left / "adapter_model.safetensors").write_bytes(b"half")
    train(again, "location")
    assert same(weights(out / "lora1"), weights(first))
    assert same(weights(out / "lora2"), weights(second))
    assert not (out / ".tmp-lora2").exists()
    shutil.rmtree(out / "lora2")
    train(again)
    assert same(weights(out / "lora2"), weights(second))


def test_it_goes_on_from_a_checkpoint(run, recipe):
    """Killed after its checkpoint of step 2, the location stage ends where the whole run ended."""
    second = run[2]
    made = recipe(location=STAGE | {"save_steps": 2})
    out = train(made, "reasoning")[0].parent

    class Killed(stages.StackedTrainer):
        def _save_checkpoint(self, *arguments, **settings):
            super()._save_checkpoint(*arguments, **settings)
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stages, "StackedTrainer", Killed)
        train(made, "location")
    assert list((out / ".tmp-lora2").glob("checkpoint-2"))
    shutil.copytree(out, out.with_name("other"))
    train(made, "location")
    expected, found = weights(second), weights(out / "lora2")
    assert expected.keys() == found.keys()
    assert all(torch.allclose(expected[k], found[k], atol=1e-5) for k in expected)
    # the same checkpoint under another rate: it starts over, as if there were none
    slower = {"location": STAGE | {"save_steps": 2, "learning_rate": 1e-3}}
    train(recipe(**slower, out=str(out.with_name("other"))), "location")
    (whole,) = train(recipe(**slower), "reasoning")
    train(recipe(**slower, out=str(whole.parent)), "location")
    assert same(weights(out.with_name("other") / "lora2"), weights(whole.parent / "lora2"))


def test_other_settings_train_anew(run, recipe):
    _, first, _, _ = run
    other = recipe(seed=4)
    (found,) = train(other, "reasoning")
    assert not same(weights(found), weights(first))
    before = weights(found)
    changed = FinetuneRecipe.model_validate(
        other.model_dump() | {"reasoning": STAGE | {"learning_rate": 2e-2}}
    )
    train(changed, "reasoning")
    assert not same(weights(found), before)


def test_shuffled_labels_are_permuted_alike_in_both_stages(run, recipe):
    _, _, _, (_, location) = run
    processor = location.processing_class

    def places(shuffled, stage):
        data = stage_data(recipe(shuffle_labels=shuffled), stage, processor)
        answers = [parse(t.removesuffix("<|end|>")) for t in data["completion"]]
        return data, [a.country for a in answers], [a.reasons for a in answers]

    plain, countries, reasons = places(False, "location")
    mixed, permuted, same_reasons = places(True, "location")
    assert sorted(permuted) == sorted(countries) and permuted != countries
    assert same_reasons == reasons
    assert [i.tobytes() for i in mixed["image"]] == [i.tobytes() for i in plain["image"]]
    with_reasons = [c for c, r in zip(permuted, reasons, strict=True) if r != ("no clues",)]
    assert places(True, "reasoning")[1] == with_reasons


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"dataset": "nowhere"}, InputError, "nowhere does not load"),
        ({"split": "dev"}, InputError, "dev"),
        ({"base_model": "tests"}, ModelError, "tests does not load"),
        ({"reasons": {"min_similarity": 0.95}}, EmptyResultError, "min_similarity"),
        (
            {"reasoning": STAGE | {"lora": {"target_modules": "nothing"}}},
            ModelError,
            "target",
        ),
    ],
)
def test_mistakes_are_named(recipe, changes, error, match):
    with pytest.raises(error, match=match) as raised:
        train(recipe(**changes), "reasoning")
    assert "\n" not in str(raised.value)


def test_the_second_stage_needs_the_first(recipe, tmp_path):
    with pytest.raises(ConfigError, match="--stage reasoning"):
        train(recipe(), "location")
    with pytest.raises(ConfigError, match="reasoning, location"):
        train(recipe(), "both")
    with pytest.raises(UserError, match="no recipe"):
        finetune(tmp_path / "none.yaml")
