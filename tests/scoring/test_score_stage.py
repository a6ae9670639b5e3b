"""The stage end to end on a few generated files, good and broken, through real model formats."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from georeasoner.errors import ConfigError, EmptyResultError, ModelError, UnknownNameError
from georeasoner.lake import Lake
from scoring.clip.model import ClipModel, load_clip
from scoring.decode import safe_open
from scoring.duplicates.stage import dedup
from scoring.locatability import area_locatability, published_weights
from scoring.pipeline import Pipeline
from scoring.scored import Prepared, Scored, ViewScorer
from scoring.scorers.clip import ClipScorer
from scoring.stage import score
from scoring.weights import weights_hash

TEXTS = ("yellow plates", "red soil", "left driving", "palm trees", "blue signs", "snow poles")
CLUES = {f"c{n}": text for n, text in enumerate(TEXTS)}


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def fill(lake: Lake, pictures: dict[str, bytes | None], synthetic: bool = False) -> Lake:
    """Views with their pictures in the lake; None: the picture is a file that does not exist."""
    with lake.writing("test", {}) as out:
        for view_id, data in pictures.items():
            out.add("views", [{"view_id": view_id, "synthetic": synthetic, "lat": 0.0, "lon": 0.0}])
            row = {"bytes": data} if data is not None else {"uri": f"gone/{view_id}.jpg"}
            out.add("images", [{"view_id": view_id, **row}])
            out.accept(view_id)
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Seven views, three of them good; one more view has no row of images at all."""
    lake = fill(Lake.create(tmp_path / "lake"), {
        "good1": jpeg(1), "empty": b"", "good2": jpeg(2), "cut": jpeg(3)[:900],
        "text": b"hello", "gone": None, "good3": jpeg(4),
    })  # fmt: skip
    with lake.writing("more", {}) as out:
        out.add("views", [{"view_id": "bare", "synthetic": False}])
        out.accept("bare")
        out.add(
            "clues",
            [
                {"clue_id": i, "text": text, "category": "even" if int(i[1]) % 2 == 0 else "odd"}
                for i, text in CLUES.items()
            ],
        )
    return lake


def rows(lake: Lake, table: str) -> dict[str, dict]:
    return {row["view_id"]: row for row in lake.read(table).to_pylist()}


def test_where_nothing_can_be_scored_a_note_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("test", {}) as out:
        out.add("views", [{"view_id": "bare"}])
    assert score(lake).sums.rejected == {"image_missing": 1}
    assert "not one view could be scored" in capsys.readouterr().err


def test_scores_and_rejects(lake: Lake, open_clip_folder: Path) -> None:
    result = score(lake, model=str(open_clip_folder), batch_size=2)
    model = load_clip(str(open_clip_folder))
    assert result.model_id == model.id
    assert result.score_id == f"clip:{model.id}:{weights_hash(published_weights())}"
    assert (result.sums.inputs, result.sums.accepted) == (8, 3)
    rejected = {r["input_id"]: r["reason"] for r in lake.read("rejects").to_pylist()}
    assert rejected == {
        "empty": "empty_file", "cut": "truncated_image", "text": "not_an_image",
        "gone": "image_missing", "bare": "image_missing",
    }  # fmt: skip
    scores, embeddings = rows(lake, "scores"), rows(lake, "embeddings")
    assert set(scores) == set(embeddings) == {"good1", "good2", "good3"}
    picture = safe_open(jpeg(2))
    vector, shares = model.encode_images([picture])
    expected = area_locatability(shares, published_weights())[0]
    assert scores["good2"]["locatability"] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(scores["good2"]["class_shares"], shares[0], atol=1e-6)
    np.testing.assert_allclose(embeddings["good2"]["vector"], vector[0], atol=1e-3)  # float16
    assert embeddings["good2"]["model"] == model.id
    similarity = dict(
        zip(CLUES, (vector @ model.encode_text(list(CLUES.values())).T)[0], strict=True)
    )
    # one of each category: the best of c0, c2, c4 and the best of c1, c3, c5, the better one first
    even = max(("c0", "c2", "c4"), key=similarity.__getitem__)
    odd = max(("c1", "c3", "c5"), key=similarity.__getitem__)
    best = sorted((even, odd), key=similarity.__getitem__, reverse=True)
    assert [c["clue_id"] for c in scores["good2"]["top_clues"]] == best
    assert scores["good2"]["top_clues"][0]["similarity"] == pytest.approx(
        similarity[best[0]], abs=1e-5
    )


def test_second_run_adds_what_is_missing(
    lake: Lake, open_clip_folder: Path, street_clip_folder: Path
) -> None:
    score(lake, model=str(open_clip_folder))
    before = lake.state("scores", "embeddings")
    again = score(lake, model=str(open_clip_folder))
    assert dict(again.sums.excluded) == {"scored_before": 3} and again.sums.inputs == 8
    assert lake.state("scores", "embeddings") == before
    assert len(lake.read("rejects")) == 5
    fill(lake, {"late": jpeg(9)})
    assert score(lake, model=str(open_clip_folder)).sums.accepted == 1
    other = score(lake, model=str(street_clip_folder))  # StreetCLIP's class and layout
    assert other.sums.accepted == 4 and other.model_id.startswith("street-clip-tiny@")
    assert lake.count("scores") == lake.count("embeddings") == 8
    with pytest.raises(
        UnknownNameError, match=r"2 embedding models: geo-tiny-vit@.*name one by --model"
    ):
        dedup(lake)
    assert dedup(lake, model=other.model_id).accepted == 4


def test_a_run_that_died_goes_on_to_the_same_rows(
    tmp_path: Path, open_clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {f"v{n:02d}": jpeg(n) if n % 5 else b"broken" for n in range(20)}
    whole, broken = (fill(Lake.create(tmp_path / name), pictures) for name in ("one", "two"))
    score(whole, model=str(open_clip_folder), batch_size=4)
    monkeypatch.setattr("georeasoner.lake.writer.COMMIT_ROWS", 8)  # commits after two batches
    real, calls = ClipScorer.score, iter(range(100))

    def dies(self: ClipScorer, inputs: list) -> object:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return real(self, inputs)

    monkeypatch.setattr(ClipScorer, "score", dies)
    with pytest.raises(KeyboardInterrupt):
        score(broken, model=str(open_clip_folder), batch_size=4)
    assert 0 < broken.count("scores") < 16
    monkeypatch.setattr(ClipScorer, "score", real)
    score(broken, model=str(open_clip_folder), batch_size=4)
    for table in ("scores", "embeddings", "rejects"):
        assert broken.read(table).to_pylist() == whole.read(table).to_pylist()


def _no_memory_on_the_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def _no_memory_for_the_driver() -> None:
    raise RuntimeError("CUDA error: out of memory")


EXHAUSTED = {
    "cuda": _no_memory_on_the_gpu,
    "driver": _no_memory_for_the_driver,
    "cpu": lambda: torch.empty(10**15),  # really asks for 4 petabytes
    "numpy": lambda: np.zeros(10**15),
}


@pytest.mark.parametrize("kind", EXHAUSTED)
def test_out_of_memory_halves_the_batch(
    kind: str,
    tmp_path: Path,
    open_clip_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Seven views, room for two at once: 7 and 3 are too many, then the rest goes singly."""
    pictures = {f"v{n}": jpeg(n) for n in range(7)}
    whole, tight = (fill(Lake.create(tmp_path / name), pictures) for name in ("one", "two"))
    score(whole, model=str(open_clip_folder))
    real, sizes = ClipScorer.score, []

    def hungry(self: ClipScorer, inputs: list) -> object:
        sizes.append(len(inputs))
        if len(inputs) > 2:
            EXHAUSTED[kind]()
        return real(self, inputs)

    monkeypatch.setattr(ClipScorer, "score", hungry)
    assert score(tight, model=str(open_clip_folder)).sums.accepted == 7
    assert sizes == [7, 3, *[1] * 7]
    assert "out of memory with 7 views at once; going on with 3" in capsys.readouterr().err
    one, two = rows(whole, "scores"), rows(tight, "scores")
    assert one.keys() == two.keys()
    for view_id, row in one.items():
        assert two[view_id]["locatability"] == pytest.approx(row["locatability"], abs=1e-6)


def test_texts_are_embedded_once_per_run(
    lake: Lake, open_clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, counts = ClipModel.encode_text, []

    def counted(self: ClipModel, texts: list[str]) -> object:
        counts.append(len(texts))
        return real(self, texts)

    monkeypatch.setattr(ClipModel, "encode_text", counted)
    assert score(lake, model=str(open_clip_folder), batch_size=1).sums.accepted == 3
    assert len(counts) == 2 and counts[1] == len(CLUES)  # the classes, then the clues


def test_several_devices_give_the_rows_of_one(tmp_path: Path, open_clip_folder: Path) -> None:
    pictures = {f"v{n:02d}": jpeg(n) if n % 5 else b"broken" for n in range(20)}
    one, two = (fill(Lake.create(tmp_path / name), pictures) for name in ("one", "two"))
    score(one, model=str(open_clip_folder), batch_size=3, device="cpu")
    score(two, model=str(open_clip_folder), batch_size=3, device="cpu,cpu")
    for table in ("scores", "embeddings", "rejects"):
        assert two.read(table).to_pylist() == one.read(table).to_pylist()


def test_reading_stays_a_few_batches_ahead(tmp_path: Path) -> None:
    """While the first batch is scored, no more than two others have been asked for."""
    asked, release = [], threading.Event()

    class Slow(ViewScorer):
        model_id = "slow@1"

        def read(self, row: dict, root: Path) -> Prepared:
            return Prepared(row["view_id"])

        def score(self, inputs: list[str]) -> Scored:
            assert release.wait(30)
            return Scored(np.zeros(len(inputs)))

    def batches() -> Iterator[list[dict]]:
        for number in range(20):
            asked.append(number)
            yield [{"view_id": f"{number}-{row}"} for row in range(2)]

    outcomes = Pipeline([Slow()], tmp_path).run(batches())
    thread = threading.Thread(target=lambda: found.extend(o.ids for o in outcomes))
    found: list[list[str]] = []
    thread.start()
    thread.join(0.5)
    assert asked == [0, 1, 2] and not found
    release.set()
    thread.join(30)
    assert found == [[f"{n}-0", f"{n}-1"] for n in range(20)]


def test_no_memory_for_one_view_or_for_the_weights(
    lake: Lake, open_clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(self: ClipScorer, inputs: list) -> object:
        return torch.empty(10**15)

    for method, said in (("score", "on a single view"), ("prepare", "while view good1 is read")):
        with monkeypatch.context() as patch:
            patch.setattr(ClipScorer, method, hungry)
            with pytest.raises(ModelError, match=f"runs out of memory {said}; expected a smaller"):
                score(lake, model=str(open_clip_folder))


def test_other_errors_of_a_model_are_no_lack_of_memory(
    lake: Lake, open_clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: ClipScorer, inputs: list) -> object:
        return torch.zeros(2, 3) @ torch.zeros(2, 3)

    monkeypatch.setattr(ClipScorer, "score", wrong)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        score(lake, model=str(open_clip_folder))


def test_nan_names_the_view_and_keeps_the_batches_before(
    tmp_path: Path, open_clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = fill(Lake.create(tmp_path / "lake"), {f"v{n}": jpeg(n) for n in range(6)})
    real, calls = ClipScorer.score, iter(range(100))

    def damaged(self: ClipScorer, inputs: list) -> object:
        result = real(self, inputs)
        if next(calls) == 2:
            result.vectors[1, 0] = np.nan
        return result

    monkeypatch.setattr(ClipScorer, "score", damaged)
    with pytest.raises(ModelError, match=r"geo-tiny-vit@\w+ gives NaN or infinity for view v5"):
        score(lake, model=str(open_clip_folder), batch_size=2)
    assert rows(lake, "scores").keys() == {"v0", "v1", "v2", "v3"}
    assert rows(lake, "embeddings").keys() == {"v0", "v1", "v2", "v3"}
    assert score(lake, model=str(open_clip_folder), batch_size=2).sums.accepted == 2
    assert len(rows(lake, "scores")) == lake.count("scores") == 6


def test_damaged_weights_are_one_line(
    lake: Lake, open_clip_folder: Path, tmp_path: Path, georeasoner
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "damaged"
    shutil.copytree(open_clip_folder, folder)
    file = folder / "open_clip_model.safetensors"
    state = load_file(file)
    state["visual.proj"][3] = float("nan")
    save_file(state, file)
    done = georeasoner("score", lake.root, "--model", folder)
    assert done.code == 2 and done.err.count("error: ") == 1
    last = done.err.splitlines()[-1]
    assert last.startswith("error: damaged@") and "NaN or infinity for view good1;" in last
    assert lake.count("scores") == lake.count("embeddings") == 0


def test_changed_clues_are_told(
    lake: Lake, open_clip_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    score(lake, model=str(open_clip_folder))
    with lake.writing("more", {}) as out:
        out.add("clues", [{"clue_id": "c9", "text": "white bollards"}])
        out.accept("c9")
    assert "stale" not in capsys.readouterr().err
    score(lake, model=str(open_clip_folder))
    assert "stale: the clues have changed" in capsys.readouterr().err


def test_a_model_of_drawn_scenes_says_so(
    tmp_path: Path, open_clip_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "drawn"
    shutil.copytree(open_clip_folder, folder)
    file = folder / "open_clip_config.json"
    file.write_text(
        json.dumps({**json.loads(file.read_text()), "georeasoner": {"synthetic_only": True}})
    )
    lake = fill(Lake.create(tmp_path / "lake"), {"drawn": jpeg(1)}, synthetic=True)
    score(lake, model=str(folder))
    assert "means nothing" not in capsys.readouterr().err
    fill(lake, {"photo": jpeg(2)})
    score(lake, model=str(folder))
    said = capsys.readouterr().err
    assert "1 of 2 views are real photographs" in said and "means nothing" in said


def test_mistakes_are_named(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(EmptyResultError, match="no views to score; run `ingest` first"):
        score(Lake.create(tmp_path / "new"))
    with pytest.raises(UnknownNameError, match="did you mean clip"):
        score(lake, scorer="clipp")
    with pytest.raises(ModelError, match=r"there is no folder '\./none'"):
        score(lake, model="./none")
    with pytest.raises(ConfigError, match="a batch of 0"):
        score(lake, batch_size=0)
