"""Overlaps between a lake and a benchmark: planted ones are found, decoys are not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from benchmark.planted_leaks import LIMITS, measure, plant
from benchmark.task import load_views
from builders.audit import Settings, audit
from builders.audit.leaks import DEFAULT_KINDS, check_kinds, find_leaks
from builders.audit.overlaps import Limits, find_overlaps
from builders.audit.sides import Side, Traits
from georeasoner.errors import ConfigError, InputError, ModelError, StaleError, UnknownNameError
from georeasoner.lake import Lake
from georeasoner.records import TABLES
from scoring.stage import score

SAID = Settings(pictures=False)


def add_views(lake, rows):
    with lake.writing("ingest", {}) as out:
        for row in rows:
            out.add("views", [row])
            out.accept()


@pytest.fixture
def lake(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    a = {"view_id": "a", "lat": 10.0, "lon": 20.0, "sha256": "1", "sequence_id": "s", "author": "X"}
    b = {"view_id": "b", "lat": -30.0, "lon": 179.9999, "sha256": "2f"}  # no sequence, no author
    add_views(lake, [a, b])
    return lake


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "benchmark.csv"
    path.write_text(
        "view_id,sha256,sequence_id,author,lat,lon\n"
        "a,8,,,0,0\n"  # same id
        "file,2F,,,0,1\n"  # same bytes as b
        "sequence,9,s,,0,2\n"  # same sequence as a
        "author,5,,X,0,3\n"  # same author as a
        "place,7,,x,10.0003,20\n"  # 0.0003 degrees of latitude are 33 m; another author
        "line,4,,,-30,-179.9998\n"  # across the date line 0.0003 * cos(30) degrees: 29 m
        "near,6,,,10.00046,20\n"  # 51 m: another place
    )
    return path


def pairs(found):
    return sorted((r["view_id"], r["against_id"], r["overlap"]) for r in found.overlaps.to_pylist())


def test_every_kind_of_overlap_that_is_said(lake, table):
    found = audit(lake, load_views(str(table)), SAID)
    assert pairs(found) == [
        ("a", "a", "same_id"),
        ("a", "author", "same_author"),
        ("a", "near", "same_cell"),
        ("a", "place", "same_cell"),
        ("a", "place", "same_place"),
        ("a", "sequence", "same_sequence"),
        ("b", "file", "same_file"),
        ("b", "line", "same_cell"),
        ("b", "line", "same_place"),
    ]
    distance = {r["against_id"]: r["distance_km"] for r in found.overlaps.to_pylist()}
    assert distance["place"] == pytest.approx(0.0334, abs=1e-4)
    assert distance["line"] == pytest.approx(0.0289, abs=1e-4)
    run = lake.last_run("audit")["sums"]
    assert (run["inputs"], run["accepted"]) == (7, 7)


def side(ids, **columns):
    rows = {"view_id": ids, **{c: columns.get(c, [None] * len(ids)) for c in
            ("lat", "lon", "sha256", "sequence_id", "author")}}  # fmt: skip
    types = {"lat": pa.float64(), "lon": pa.float64()}
    table = pa.table({n: pa.array(v, types.get(n, pa.string())) for n, v in rows.items()})
    return Side.of(table, Traits.none())


def test_a_popular_author_is_counted_and_not_listed_pair_by_pair():
    mine = side([f"m{n:03}" for n in range(300)], author=["X"] * 299 + [None])
    theirs = side([f"t{n:03}" for n in range(200)], author=["X", None, " "] + [" X "] * 197)
    found = {o.kind: o for o in find_overlaps(mine, theirs, Limits())}["same_author"]
    assert found.pairs == 299 * 198  # null and blank are no authors
    assert (len(np.unique(found.mine)), len(np.unique(found.theirs))) == (299, 198)
    assert len(found.mine) == 299 + 198 - 1  # a row per view; the first of both sides share one


def test_a_crowded_place_is_counted_and_not_listed_pair_by_pair():
    mine = side([f"m{n:03}" for n in range(150)], lat=[48.0] * 150, lon=[2.0] * 150)
    theirs = side([f"t{n:03}" for n in range(100)], lat=[48.0] * 99 + [None], lon=[2.0] * 100)
    found = {o.kind: o for o in find_overlaps(mine, theirs, Limits())}["same_place"]
    assert found.pairs == 150 * 99
    assert (len(np.unique(found.mine)), len(np.unique(found.theirs))) == (150, 99)
    assert len(found.mine) <= 150 + 99


def test_pictures_by_cosine_and_by_hash():
    """Unit vectors at known angles: cos 0.97 counts beside, 0.995 everywhere, hashes by bits."""

    def turned(cosine):
        return [cosine, np.sqrt(1 - cosine**2)]

    ids = ["beside", "away", "same-away"]
    views = side(ids, lat=[0.0, 0.0, 0.0], lon=[0.005, 0.5, 0.5]).views  # 0.56 km, 56 km
    unit = np.array([turned(0.97), turned(0.97), turned(0.995)], np.float32)
    # of 0: two bits differ, three bits differ, all differ
    hashes = np.array([0b101, 0b10101, 2**64 - 1], np.uint64)
    theirs = Side.of(views, Traits(pa.array(ids), unit, pa.array(ids), hashes))
    one = pa.array(["m"])
    first = Traits(one, np.array([[1, 0]], np.float32), one, np.zeros(1, np.uint64))
    mine = Side.of(side(["m"], lat=[0.0], lon=[0.0]).views, first)
    found = {o.kind: o for o in find_overlaps(mine, theirs, Limits(phash_bits=2))}
    assert theirs.ids(found["same_picture"].theirs).to_pylist() == ["beside", "same-away"]
    assert found["same_picture"].pairs == 2
    assert theirs.ids(found["same_phash"].theirs).to_pylist() == ["beside"]
    assert found["same_phash"].bits.tolist() == [2]
    wide = {o.kind: o for o in find_overlaps(mine, theirs, Limits(phash_bits=3))}
    assert sorted(wide["same_phash"].bits.tolist()) == [2, 3]


def test_what_is_missing_is_said(lake, tmp_path, capsys):
    table = tmp_path / "ids.csv"
    table.write_text("view_id\nb\n")
    found = audit(lake, load_views(str(table)))
    assert pairs(found) == [("b", "b", "same_id")] and found.record["kinds"] == ["same_id"]
    said = capsys.readouterr().err
    assert "ids has no lat, lon, sha256, sequence_id, author" in said
    assert "has no pictures; same_picture and same_phash cannot be found" in said
    with pytest.raises(UnknownNameError, match="no task"):
        load_views(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="has no lat and lon, and no country"):
        from benchmark.task import load_task

        load_task(str(table))


def test_one_split_of_a_data_set(lake, tmp_path):
    (tmp_path / "data").mkdir()
    for split, view_id in (("train", "a"), ("test", "b")):
        rows = pa.table({"view_id": [view_id]})
        pq.write_table(rows, tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    every = audit(lake, load_views(f"dataset:{tmp_path}#*"), SAID)
    assert every.overlaps["view_id"].to_pylist() == ["a", "b"]
    test = audit(lake, load_views(f"dataset:{tmp_path}#test"), SAID)
    assert test.overlaps["view_id"].to_pylist() == ["b"]
    with pytest.raises(InputError, match="has no split"):
        load_views(f"dataset:{tmp_path}#validation")


def test_audits_add_up_replace_and_rest(lake, table, tmp_path, capsys):
    """Another benchmark adds rows, the same one replaces its own, nothing new does nothing."""
    other = tmp_path / "other.csv"
    other.write_text("view_id\na\n")
    audit(lake, load_views(str(table)), SAID)
    audit(lake, load_views(str(other)), SAID)
    assert lake.count("audits") == 2 and lake.count("overlaps") == 10
    before = lake.state("audits", "overlaps")
    capsys.readouterr()
    audit(lake, load_views(str(table)), SAID)
    assert "was compared already" in capsys.readouterr().err
    assert lake.state("audits", "overlaps") == before
    other.write_text("view_id\nb\na\n")  # another revision of it
    audit(lake, load_views(str(other)), SAID)
    assert lake.count("audits") == 2 and lake.count("overlaps") == 11
    shutil.rmtree(lake.root / "audits")  # forgets both, and with them their overlaps
    audit(lake, load_views(str(other)), SAID)
    assert lake.count("audits") == 1 and lake.count("overlaps") == 2


def test_leaks_need_a_current_audit_and_known_kinds(lake, table, capsys):
    with pytest.raises(InputError, match="no audit"):
        find_leaks(lake, DEFAULT_KINDS)
    audit(lake, load_views(str(table)), SAID)
    leaks = find_leaks(lake, check_kinds(None))
    assert leaks.of_view == {"a": "same_id", "b": "same_file"}  # the surest kind of each
    assert "did not look for same_picture, same_phash" in capsys.readouterr().err
    assert find_leaks(lake, check_kinds("same_cell,same_author")).of_view == {
        "a": "same_author", "b": "same_cell",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="same_authr"):
        check_kinds("same_authr")
    add_views(lake, [{"view_id": "c"}])
    with pytest.raises(StaleError, match=r"have changed since the audit against table:.*csv"):
        find_leaks(lake, DEFAULT_KINDS)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A scored lake of ClueWorld, and a benchmark with three leaks and decoys of each kind."""
    root = tmp_path_factory.mktemp("planted")
    lake, _ = plant(root, views=60, held_out=40, each=3, seed=1)
    score(lake)
    return root


@pytest.fixture
def clueworld(planted, tmp_path):
    shutil.copytree(planted, tmp_path / "planted")
    return tmp_path / "planted"


def test_planted_leaks_are_found_and_decoys_are_not(clueworld, capsys):
    lake, task = Lake.open(clueworld / "lake"), load_views(f"lake:{clueworld / 'benchmark'}")
    found = measure(clueworld, lake, task, LIMITS)
    assert {kind: (s.planted, s.found) for kind, s in found.items()} == dict.fromkeys(
        ("same_id", "same_file", "same_picture", "same_phash", "same_sequence", "same_place",
         "same_author"), (3, 3),
    )  # fmt: skip
    assert sum(s.false_views for s in found.values()) == 0
    assert "21 of 21 leaks are listed in some way" in capsys.readouterr().err
    before = find_leaks(lake, DEFAULT_KINDS)
    score(lake, "random")  # another score, with the same hashes, is nothing to an audit
    assert find_leaks(lake, DEFAULT_KINDS) == before


def test_a_killed_audit_goes_on_where_it_was(clueworld, monkeypatch):
    """Pictures that were looked at are not looked at again; nothing else of a dead run counts."""
    from builders.audit import pictures

    monkeypatch.setattr(pictures, "BATCH", 8)
    monkeypatch.setattr(pictures, "_COMMIT_BATCHES", 1)
    lake, task = Lake.open(clueworld / "lake"), load_views(f"lake:{clueworld / 'benchmark'}")
    read, asked = task.read_pictures, []

    def dying(ids):
        for number, picture in enumerate(read(ids)):
            if len(ids) == len(task) and number == 36:
                raise KeyboardInterrupt
            yield picture

    object.__setattr__(task, "read_pictures", dying)
    with pytest.raises(KeyboardInterrupt):
        audit(lake, task)
    done = lake.count("audit_pictures")
    assert 0 < done < len(task) and lake.count("audits") == 0

    def counting(ids):
        asked.append(len(ids))
        return read(ids)

    object.__setattr__(task, "read_pictures", counting)
    audit(lake, task)
    # the first look asks whether there are pictures at all, and takes one
    assert asked == [len(task), len(task) - done]
    assert lake.count("audit_pictures") == len(task)


def test_the_embeddings_of_a_lake_are_taken_from_there(clueworld, monkeypatch):
    from builders.audit import pictures

    lake, benchmark = (Lake.open(clueworld / name) for name in ("lake", "benchmark"))
    computed = audit(lake, load_views(f"lake:{benchmark.root}"), Settings(LIMITS))
    score(benchmark)
    monkeypatch.setattr(pictures, "_scorer_of", None)  # no model is needed
    taken = audit(lake, load_views(f"lake:{benchmark.root}"), Settings(LIMITS))
    assert pairs(taken) == pairs(computed)


def test_unreadable_pictures_are_counted_and_the_rest_is_compared(clueworld, tmp_path):
    lake = Lake.open(clueworld / "lake")
    rows = lake.read("images").slice(0, 3).to_pylist()
    (tmp_path / "good.jpg").write_bytes(rows[0]["bytes"])
    (tmp_path / "half.jpg").write_bytes(rows[1]["bytes"][:2000])
    table = tmp_path / "b.csv"
    table.write_text(f"view_id,file\ngood,good.jpg\n{rows[1]['view_id']},half.jpg\ngone,gone.jpg\n")
    found = audit(lake, load_views(str(table)), Settings(LIMITS))
    assert (rows[0]["view_id"], "good", "same_file") in pairs(found)  # hashed on the way
    assert (rows[1]["view_id"], rows[1]["view_id"], "same_id") in pairs(found)
    sums = lake.last_run("audit")["sums"]
    assert (sums["accepted"], sums["rejected"]) == (1, {"truncated_image": 1, "unreadable": 1})
    (tmp_path / "gone.jpg").write_bytes(rows[2]["bytes"])
    table.write_text(table.read_text() + "\n")  # a new revision
    audit(lake, load_views(str(table)), Settings(LIMITS))
    assert lake.last_run("audit")["sums"]["accepted"] == 2


def test_a_model_that_is_not_at_hand(clueworld):
    """Embeddings of a model that cannot be loaded: a line that says so, and how to go on."""
    lake, task = Lake.open(clueworld / "lake"), load_views(f"lake:{clueworld / 'benchmark'}")
    with lake.writing("score", {}) as out:
        for view_id in lake.read("views", ["view_id"])["view_id"].to_pylist():
            vector = np.array([1, 0], np.float16)
            out.add("embeddings", [{"view_id": view_id, "model": "other@1", "vector": vector}])
            out.accept()
    with pytest.raises(UnknownNameError, match="name one by --model"):
        audit(lake, task)
    with pytest.raises(ModelError, match=r"other@1, which cannot be loaded.*--no-pictures"):
        audit(lake, task, Settings(model="other"))
    assert lake.count("audits") == 0
    assert audit(lake, task, SAID).record["model"] is None


def test_by_the_commands(clueworld, georeasoner, monkeypatch):
    """Table, csv, page and a data set without the leaks, whose card says so."""
    monkeypatch.chdir(clueworld)
    flags = ["--threshold", 0.8, "--near-km", 0.05, "--far-threshold", 1.01]
    done = georeasoner(
        "audit", "lake", "--against", "lake:benchmark", *flags, "--save", "out/leaks.csv",
        "--report", "out/leaks.html",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "same_sequence │                      3 │                 3 │     3" in done.out
    rows = csv.read_csv("out/leaks.csv")
    assert rows.column_names == TABLES["overlaps"].schema.names and rows.num_rows > 21
    page = (clueworld / "out" / "leaks.html").read_text()
    assert page.count("<article") == page.count("data:image/jpeg;base64,") / 2
    assert page.count('id="same_picture"') == 1 and "drawn by a program" in page
    assert "http" not in page.replace("http-equiv", "")

    done = georeasoner(
        "build", "lake", "--out", "set", "--min-locatability", 0, "--exclude-audit"
    )  # fmt: skip
    assert done.code == 0, done.err
    lake = Lake.open(clueworld / "lake")
    leaked = find_leaks(lake, DEFAULT_KINDS).of_view
    record = json.loads((clueworld / "set" / "provenance.json").read_text())
    excluded = {k: n for k, n in record["sums"]["excluded"].items() if k.startswith("leak_")}
    assert sum(excluded.values()) == len(leaked) and excluded["leak_same_id"] == 3
    files = sorted((clueworld / "set" / "data").glob("*.parquet"))
    kept = pa.concat_tables([pq.read_table(f, columns=["view_id"]) for f in files])
    assert not set(kept["view_id"].to_pylist()) & set(leaked)
    plants = json.loads((clueworld / "planted.json").read_text())
    wanted = {p["view_id"] for p in plants if p["kind"] in DEFAULT_KINDS}
    assert wanted <= set(leaked)
    card = (clueworld / "set" / "README.md").read_text()
    assert "Audited against benchmark (revision" in card
    assert f"{len(leaked)} views that overlap with a benchmark" in card

    add_views(lake, [{"view_id": "new"}])
    done = georeasoner("build", "lake", "--out", "set2", "--exclude-audit")
    assert done.code == 2 and "have changed since the audit" in done.err
