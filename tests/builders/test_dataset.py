"""The data set: filtered with reasons, whole or absent, loadable in every configuration."""

from __future__ import annotations

import hashlib
import io
import json

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from builders.dataset import build
from builders.filters import Candidate, Rules, reason_against
from builders.ingest import ingest
from builders.shards import ShardWriter, features_of
from georeasoner.errors import (
    ConfigError,
    EmptyResultError,
    InputError,
    StaleError,
    UnknownNameError,
)
from georeasoner.lake import Lake
from georeasoner.provenance import file_sha256

SCORE = "clip:test@1:abc"


def jpeg(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 99, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


def add_scores(lake, locatability, score_id=SCORE):
    """Scores worked out by hand: what is tested here is what becomes of them."""
    with lake.writing("score", {"score_id": score_id}) as out:
        for view_id, value in locatability.items():
            row = {
                "score_id": score_id, "view_id": view_id, "locatability": value,
                "class_shares": [1 / 150] * 150,
                "top_clues": [
                    {"clue_id": "open", "similarity": 0.3},
                    {"clue_id": "closed", "similarity": 0.2},
                ],
            }  # fmt: skip
            out.add("scores", [row])
            out.accept(view_id)


@pytest.fixture
def lake(tmp_path):
    """20 views, each 1 degree from the next; v00 to v19 score 0.00, 0.05 ... 0.95."""
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("ingest", {}) as out:
        for i in range(20):
            view = {
                "view_id": f"v{i:02d}", "lat": 40.0 + i, "lon": 10.0, "city": "Town",
                "country": None if i == 10 else "FR", "country_conflict": i == 11,
                "license": None if i == 12 else "CC-BY-SA-4.0", "redistributable": i != 12,
                "attribution": "by <me> | you", "synthetic": False,
                "source_url": f"https://example.org/{i}",
            }  # fmt: skip
            out.add("views", [view])
            if i != 13:
                out.add("images", [{"view_id": f"v{i:02d}", "bytes": jpeg(i)}])
            out.accept()
    with lake.writing("scrape", {}) as out:
        for name, licence in (("open", "CC0-1.0"), ("closed", None)):
            clue = {"clue_id": name, "text": f"{name} text", "license": licence}
            out.add("clues", [clue | {"ai_training_allowed": True, "countries": ["FR"]}])
            out.accept()
    add_scores(lake, {f"v{i:02d}": i / 20 for i in range(20) if i != 9})
    with lake.writing("dedup", {}, whole=["duplicates"]) as out:
        pair = (("v18", False), ("v19", True))
        out.add("duplicates", [{"view_id": v, "group_id": "v19", "keep": k} for v, k in pair])
    return lake


def load(folder, config, tmp_path, **options):
    from datasets import load_dataset

    return load_dataset(str(folder), config, cache_dir=str(tmp_path / "cache"), **options)


def test_every_view_has_one_outcome_and_every_configuration_loads(lake, tmp_path):
    out = tmp_path / "street-views"
    built = build(lake, out)
    # 0.40 and above: v08 to v19, of which v09 has no score, v10 no country, v13 no picture, and
    # v18 repeats v19: 8 are left
    assert built.sums.as_dict() == {
        "inputs": 20, "accepted": 8, "rejected": {"image_missing": 1}, "notes": {},
        "excluded": {"below_min_locatability": 8, "no_score": 1, "no_country": 1, "duplicate": 1},
    }  # fmt: skip
    views = load(out, None, tmp_path)  # the default configuration
    assert set(views) == {"train", "validation", "test"}
    rows = {row["view_id"]: row for split in views.values() for row in split}
    assert set(rows) == {"v08", "v11", "v12", "v14", "v15", "v16", "v17", "v19"}
    assert rows["v12"]["image"] is None  # its licence is unknown
    assert rows["v12"]["source_url"] == "https://example.org/12"
    assert rows["v19"]["image"].size == (32, 24)
    assert rows["v19"]["locatability"] == 0.95
    assert rows["v19"]["clues"] == ["open text"]  # the other clue may not be handed on
    scores = load(out, "scores", tmp_path)
    for split in views:
        assert scores[split]["view_id"] == views[split]["view_id"]
    assert load(out, "clues", tmp_path, split="train")["clue_id"] == ["open"]
    streamed = load(out, "views", tmp_path, split="train", streaming=True)
    assert next(iter(streamed))["view_id"] == views["train"][0]["view_id"]


def test_card_and_provenance_say_what_was_written(lake, tmp_path):
    out = tmp_path / "street-views"
    build(lake, out)
    record = json.loads((out / "provenance.json").read_text())
    files = {p.relative_to(out).as_posix() for p in out.rglob("*.parquet")}
    assert record["files"] == {f: file_sha256(out / f) for f in files}
    contents = record["contents"]
    assert sum(contents["splits"].values()) == 8
    assert contents["licenses"] == {"CC-BY-SA-4.0": 7, "unknown": 1}
    assert (contents["views_without_pixels"], contents["clues_withheld"]) == (1, 1)
    _, header, body = (out / "README.md").read_text().split("---\n", 2)
    head = yaml.safe_load(header)
    assert head["license"] == "other"  # views: CC-BY-SA-4.0, unknown; the clue: CC0-1.0
    assert contents["clue_licenses"] == {"CC0-1.0": 1}
    assert "| licence | clues |\n| --- | ---: |\n| CC0-1.0 | 1 |" in body
    assert [c["config_name"] for c in head["configs"]] == ["views", "scores", "clues"]
    assert "synthetic" not in head["tags"] and "Synthetic" not in body
    assert "| by &lt;me&gt; &#124; you | 8 |" in body
    assert f"`{SCORE}`; taken: locatability of at least 0.4." in body
    assert "20 inputs = 8 accepted" in body
    assert "1 views have no pixels" in body


def test_the_same_again_is_no_work_and_anything_else_is_stale(lake, tmp_path):
    out = tmp_path / "street-views"
    leavings = tmp_path / ".tmp-street-views"  # of a run that was killed
    leavings.mkdir()
    (leavings / "data.parquet").write_bytes(b"half")
    first = build(lake, out)
    assert not leavings.exists()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    again = build(lake, out)
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before
    assert again.sums.as_dict() == first.sums.as_dict()
    with pytest.raises(StaleError, match=r"min_locatability.*delete that folder"):
        build(lake, out, min_locatability=0.5)
    with pytest.raises(StaleError, match="seed"):
        build(lake, out, seed=1)
    add_scores(lake, {"v09": 0.45})
    with pytest.raises(StaleError, match="the lake's tables"):
        build(lake, out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other things"):
        build(lake, other)
    build(lake, tmp_path / "second")
    rows = [pq.read_table(p) for p in sorted((tmp_path / "second" / "data").glob("*"))]
    assert sum(table.num_rows for table in rows) == 9  # v09 came in


def test_thresholds_and_choices(lake, tmp_path):
    # 19 scores from 0 to 0.95 without 0.45: the 50th percentile is the tenth of them, 0.50
    half = build(lake, tmp_path / "half", percentile=50)
    assert half.provenance["min_locatability"] == pytest.approx(0.50)
    assert half.sums.excluded["below_percentile"] == 9  # v00 to v08
    strict = build(lake, tmp_path / "strict", exclude_conflicts=True, allow_no_country=True)
    assert strict.sums.excluded["country_conflict"] == 1
    assert "no_country" not in strict.sums.excluded
    local = build(lake, tmp_path / "local", local_only=True)
    assert local.provenance["contents"]["views_without_pixels"] == 0
    assert "Not for publishing" in (tmp_path / "local" / "README.md").read_text()
    with pytest.raises(EmptyResultError, match=r"half below 0.500.*highest is 0.950; lower"):
        build(lake, tmp_path / "none", min_locatability=0.99)
    assert not (tmp_path / "none").exists() and not (tmp_path / ".tmp-none").exists()
    with pytest.raises(ConfigError, match="both a minimum and a percentile"):
        build(lake, tmp_path / "none", min_locatability=0.4, percentile=50)
    with pytest.raises(ConfigError, match="percentile 101"):
        build(lake, tmp_path / "none", percentile=101)
    add_scores(lake, {"v08": 0.9}, "clip:other@1:abc")
    with pytest.raises(UnknownNameError, match="clip:other@1:abc, clip:test@1:abc"):
        build(lake, tmp_path / "none")
    assert build(lake, tmp_path / "one", scores="clip:other@1:abc").sums.accepted == 1
    with pytest.raises(InputError, match="no score"):
        build(Lake.create(tmp_path / "empty"), tmp_path / "none")


def test_pictures_that_are_gone_are_rejected(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    with lake.writing("ingest", {}) as out:
        for name in ("a", "b"):
            view = {"view_id": name, "lat": 1.0, "lon": 1.0, "country": "GA"}
            out.add("views", [view | {"redistributable": True}])
            out.add("images", [{"view_id": name, "uri": str(tmp_path / f"{name}.jpg")}])
            out.accept()
    add_scores(lake, {"a": 1.0, "b": 1.0})
    built = build(lake, tmp_path / "out")
    assert (built.sums.accepted, built.sums.rejected) == (1, {"image_missing": 1})
    assert load(tmp_path / "out", None, tmp_path)["train"]["view_id"] == ["a"]
    assert not (tmp_path / "out" / "clues").exists()  # the lake has none
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(EmptyResultError, match="none of 2 pictures"):
        build(lake, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_forty_real_photographs_become_a_data_set(tmp_path, shared_data):
    lake = Lake.create(tmp_path / "lake")
    ingest(lake, f"table:{shared_data / 'streetscapes' / 'views.csv'}")
    ids = [v["view_id"] for v in lake.read("views", ["view_id"]).to_pylist()]
    add_scores(lake, dict.fromkeys(ids, 0.1), "clip:clueworld-clip@1:abc")
    built = build(lake, tmp_path / "out", min_locatability=0.0)
    assert built.sums.accepted == 40
    views = load(tmp_path / "out", None, tmp_path)
    seen: dict[str, str] = {}
    hashes = {v["view_id"]: v["sha256"] for v in lake.read("views").to_pylist()}
    from datasets import Image as HubImage

    for split, rows in views.items():
        for row in rows.cast_column("image", HubImage(decode=False)):
            assert seen.setdefault(row["sequence_id"], split) == split
            assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == hashes[row["view_id"]]
            assert row["license"] == "CC-BY-SA-4.0" and row["attribution"]
    assert len(views["train"]) >= 19  # three cities, the largest of 19
    assert "means nothing on the 40 photographs" in (tmp_path / "out" / "README.md").read_text()


def test_row_groups_stay_small_and_shards_are_named(tmp_path):
    features = features_of("images")
    writer = ShardWriter(tmp_path, "train", features, group_bytes=10_000, shard_bytes=25_000)
    for n in range(24):
        writer.add({"view_id": str(n), "bytes": b"x"})  # 2,000 bytes are reckoned for a row
    names = [p.name for p in writer.close()]
    # 5 rows to a group of 10,000; two groups to a shard of 25,000; 24 = 10 + 10 + 4
    assert names == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    files = [pq.ParquetFile(tmp_path / name) for name in names]
    groups = [[f.metadata.row_group(g).num_rows for g in range(f.num_row_groups)] for f in files]
    assert groups == [[5, 5], [5, 5], [4]]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert ShardWriter(tmp_path / "none", "train", features).close() == []


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (Candidate("FR", False, 0.4, None), None),
        (Candidate("FR", True, 0.9, True), None),
        (Candidate(None, None, 0.9, None), "no_country"),
        (Candidate("FR", False, None, None), "no_score"),
        (Candidate("FR", False, 0.39, None), "below_min_locatability"),
        (Candidate("FR", False, 0.9, False), "duplicate"),
    ],
)
def test_filters_give_their_reason(view, reason):
    assert reason_against(view, Rules(0.4)) == reason
