"""The paper's scorer on small models of every family, on true masks, and on stated shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from segmenters import FAMILIES, PADDED, save

from georeasoner.clueworld import World
from georeasoner.errors import ModelError
from georeasoner.lake import Lake
from scoring.locatability import area_locatability, published_weights
from scoring.scored import Setup
from scoring.scorers.segmentation import SegmentationScorer
from scoring.stage import score

CITYSCAPES = ["road", "sidewalk", "building", "wall", "fence", "pole", "traffic light",
              "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck",
              "bus", "train", "motorcycle", "bicycle"]  # fmt: skip


def made(folder: Path) -> SegmentationScorer:
    return SegmentationScorer(Setup(str(folder), published_weights(), device="cpu"))


@pytest.fixture
def photos() -> list[Image.Image]:
    """Pictures of two shapes: a processor that keeps the aspect makes two inputs of them."""
    rng = np.random.default_rng(0)
    sizes = [(70, 100, 3), (70, 100, 3), (120, 90, 3)]
    return [Image.fromarray(rng.integers(0, 255, s, dtype=np.uint8)) for s in sizes]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str, tmp_path: Path, photos: list[Image.Image]) -> None:
    """The shares are those of the pixels that the model itself gives each class."""
    import torch

    scorer = made(save(family, tmp_path / family))
    assert scorer.model_id.startswith(f"{family}@") and scorer.min_side == 64
    found = scorer.score([scorer.prepare(photo) for photo in photos])
    loaded = scorer._loaded
    for at, photo in enumerate(photos):
        inputs = loaded.processor(images=photo, return_tensors="pt", **loaded.task)
        size = tuple(inputs["pixel_values"].shape[-2:])
        names = [n for n in ("pixel_values", "task_inputs") if n in inputs]
        with torch.inference_mode():
            outputs = loaded.model(**{n: inputs[n] for n in names})
        (pixels,) = loaded.processor.post_process_semantic_segmentation(outputs, [size])
        expected = np.bincount(pixels.numpy().ravel(), minlength=150) / pixels.numel()
        np.testing.assert_allclose(found.class_shares[at], expected, atol=1e-3)
    np.testing.assert_allclose(
        found.locatability, area_locatability(found.class_shares, published_weights())
    )


# pixels of a picture of 70 x 100 (height x width) in the input, and where they are
SHOWN = {
    "dpt": (64, 64, slice(2, 62), slice(0, 64)),  # 60 x 64, two rows above and below
    "eomt": (64, 64, slice(0, 45), slice(0, 64)),  # 64 / 100 of it: 44.8 x 64
    "padded_mask2former": (128, 160, slice(0, 64), slice(0, 96)),
}


@pytest.mark.parametrize("family", PADDED)
def test_a_margin_is_not_counted(family: str, tmp_path: Path, photos: list[Image.Image]) -> None:
    """The counts are those of the pixels that show the picture, cut out by hand."""
    import torch

    scorer = made(save(family, tmp_path / family))
    height, width, rows, columns = SHOWN[family]
    inputs = scorer.prepare(photos[0])
    assert tuple(inputs["pixel_values"].shape) == (3, height, width)
    counts = scorer._loaded.label_counts([inputs, scorer.prepare(photos[2])], 150)
    loaded = scorer._loaded
    with torch.inference_mode():
        outputs = loaded.model(inputs["pixel_values"][None])
        (pixels,) = loaded.processor.post_process_semantic_segmentation(
            outputs, target_sizes=[(height, width)]
        )
    expected = np.bincount(pixels[rows, columns].numpy().ravel(), minlength=150)
    assert counts[0].sum() == expected.sum() == pixels[rows, columns].numel()
    np.testing.assert_allclose(counts[0], expected, atol=3)


def test_other_labels_go_through_the_mapping(
    tmp_path: Path, photos: list[Image.Image], capsys: pytest.CaptureFixture
) -> None:
    scorer = made(save("segformer", tmp_path / "city", CITYSCAPES))
    inputs = [scorer.prepare(photo) for photo in photos]
    counts = scorer._loaded.label_counts(inputs, 19)
    share = counts / counts.sum(1, keepdims=True)
    found = scorer.score(inputs).class_shares
    np.testing.assert_allclose(found[:, 6], share[:, CITYSCAPES.index("road")], atol=1e-6)
    np.testing.assert_allclose(
        found[:, 12], share[:, CITYSCAPES.index("person")] + share[:, CITYSCAPES.index("rider")],
        atol=1e-6,
    )  # fmt: skip
    np.testing.assert_allclose(found.sum(1), 1 - share[:, CITYSCAPES.index("train")], atol=1e-6)
    assert "1 of 19 labels are no ADE20K class: train" in capsys.readouterr().err


def test_what_is_no_segmentation_model_is_named(tmp_path: Path, street_clip_folder: Path) -> None:
    def refuse(model: str | None, match: str) -> None:
        with pytest.raises(ModelError, match=match):
            scorer = SegmentationScorer(Setup(model, published_weights(), device="cpu"))
            scorer.prepare(Image.new("RGB", (64, 64)))

    refuse(None, "without a --model; expected a Hub repository or a folder")
    refuse("./nowhere", "there is no folder './nowhere'")
    refuse(str(street_clip_folder), "has no id2label|of model_type 'clip'")
    folder = save("segformer", tmp_path / "nameless", ["gizmo", "gadget"])
    refuse(str(folder), "none of the 2 labels of nameless is an ADE20K class")
    folder = save("segformer", tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"\0" * 64)
    refuse(str(folder), "cut cannot be loaded")


def test_nan_is_stopped_with_the_view_named(tmp_path: Path, georeasoner) -> None:
    from safetensors.torch import load_file, save_file

    folder = save("segformer", tmp_path / "damaged")
    state = load_file(folder / "model.safetensors")
    state["decode_head.classifier.bias"][3] = float("nan")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    lake = tmp_path / "lake"
    assert georeasoner("ingest", "clueworld:3", "--lake", lake).code == 0
    done = georeasoner("score", lake, "--scorer", "segmentation", "--model", folder)
    assert done.code == 2 and "gives NaN or infinity for view" in done.err


@pytest.mark.parametrize("family", ["segformer", "maskformer"])
def test_only_the_picture_that_gives_nan_is_named(
    family: str, tmp_path: Path, photos: list[Image.Image]
) -> None:
    scorer = made(save(family, tmp_path / family))
    inputs = [scorer.prepare(photo) for photo in photos]
    inputs[1]["pixel_values"][:] = float("inf")
    found = scorer.score(inputs).locatability
    assert np.isnan(found).tolist() == [False, True, False]


def test_the_stage_resumes_and_scores_in_one_table(tmp_path: Path, georeasoner) -> None:
    folder = save("mask2former", tmp_path / "m2f")
    lake = tmp_path / "lake"
    georeasoner("ingest", "clueworld:8", "--lake", lake)
    first = score(Lake.open(lake), "segmentation", str(folder), batch_size=3)
    again = score(Lake.open(lake), "segmentation", str(folder), batch_size=3)
    assert first.sums.accepted == again.sums.excluded["scored_before"] > 0
    oracle = score(Lake.open(lake), "oracle")
    ids = set(Lake.open(lake).read("scores")["score_id"].to_pylist())
    assert ids == {first.score_id, oracle.score_id}
    assert Lake.open(lake).count("embeddings") == 0


def test_the_oracle_is_the_formula_on_the_true_mask(tmp_path: Path, georeasoner) -> None:
    lake = tmp_path / "lake"
    georeasoner("ingest", "clueworld:12", "--lake", lake, "--seed", 3)
    result = score(Lake.open(lake), "oracle", batch_size=5)
    rows = {r["view_id"]: r for r in Lake.open(lake).read("scores").to_pylist()}
    assert len(rows) == result.sums.accepted == result.sums.inputs
    checked = 0
    for index in range(12):
        scene = World.load().scene(index, seed=3, role="build")
        if scene.broken is None:
            mask = scene.render().mask
            shares = np.array([(mask == k).mean() for k in range(150)])
            expected = float(shares @ published_weights())
            assert rows[scene.view_id]["locatability"] == pytest.approx(expected, abs=1e-9)
            checked += 1
    assert checked == len(rows) >= 10


def test_stated_shares_of_real_photographs(shared_data: Path, tmp_path: Path, georeasoner) -> None:
    """The first photograph by hand: road 0.0039 x 1.0, sidewalk, building ... through the map."""
    lake = tmp_path / "lake"
    georeasoner("ingest", f"table:{shared_data}/streetscapes/views.csv", "--lake", lake)
    done = georeasoner("score", lake, "--scorer", "table")
    assert done.code == 0 and "40 accepted" in done.err
    assert "no ADE20K class: train, void" in done.err
    rows = {r["view_id"]: r for r in Lake.open(lake).read("scores").to_pylist()}
    assert len(rows) == 40 and all(0 < r["locatability"] < 1 for r in rows.values())
    row = rows["009700da-2ab7-4e51-96ed-7bc3bc8df153"]
    stated = {6: 0.0039, 11: 0.0168, 1: 0.0027, 0: 0.0044, 32: 0.252, 93: 0.044, 43: 0.0088,
              4: 0.2373, 9: 0.0044, 2: 0.4254, 12: 0.0002}  # fmt: skip
    expected = sum(share * published_weights()[k] for k, share in stated.items())
    assert row["locatability"] == pytest.approx(expected, abs=1e-6)


def test_views_without_shares_are_rejected(tmp_path: Path, georeasoner) -> None:
    Image.new("RGB", (64, 48), (51, 90, 51)).save(tmp_path / "a.png")
    lines = ["file,lat,lon,share_road,share_sky", "a.png,48.86,2.35,0.7,0.9"]
    (tmp_path / "views.csv").write_text("\n".join(lines))
    lake = tmp_path / "lake"
    georeasoner("ingest", f"table:{tmp_path / 'views.csv'}", "--lake", lake)
    assert "bad_shares 1" in georeasoner("score", lake, "--scorer", "table").err
    done = georeasoner("score", lake, "--scorer", "table", "--model", "part_")
    assert "no_shares 1" in done.err
    assert "no_true_mask 1" in georeasoner("score", lake, "--scorer", "oracle").err
