"""What a user may get wrong, by the commands: one readable line and exit code 2, or a reject."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from builders.ingest import ingest
from georeasoner.lake import Lake


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a lake of three unscored scenes and some files that are none of ours."""
    root = tmp_path_factory.mktemp("bad")
    ingest(Lake.create(root / "lake"), "clueworld:3")
    shutil.copytree(root / "lake", root / "newer")
    (root / "newer" / "lake.json").write_text(json.dumps({"format": 99}))
    (root / "file").write_text("neither a lake nor a model")
    (root / "folder").mkdir()
    (root / "columns.csv").write_text("id,file,latitud\n1,a.jpg,3\n")
    (root / "header.csv").write_text("file,lat,lon\n")
    (root / "zero.csv").write_text("")
    (root / "list.yaml").write_text("- 1\n")
    return root


MISTAKES = [
    ("ingest table:columns.csv --lake new", "columns.csv has the columns id, file, latitud"),
    ("ingest table:header.csv --lake new", "has no views"),
    ("ingest table:zero.csv --lake new", "is empty; expected a header"),
    ("ingest table:none.csv --lake new", "there is no file"),
    ("ingest tabel:header.csv --lake new", "did you mean table?"),
    ("ingest folder:none --lake new", "there is no folder"),
    ("ingest clueworld:3 --lake file", "file is a file; expected a directory"),
    ("ingest clueworld:3 --lake file/new", "a part of the path is a file"),
    ("score newer", "a lake of format 99; expected format 1"),
    ("score folder", "not a lake"),
    ("score lake --model folder", "holds no model"),
    ("score lake --model local-dir:folder", "holds no model"),
    ("score lake --scorer clipp", "did you mean clip?"),
    ("score lake --weights list.yaml", "holds no weights"),
    ("score lake --engine spark", "--engine"),
    ("score lake --ray-address auto", "with the local engine"),
    ("build lake --out new", "score"),
    ("build lake", "--out"),
    ("build lake --out new --min-locatability much", "--min-locatability"),
    ("publish folder me/x", "has no provenance.json"),
    ("audit lake --against folder", "no task 'folder'; expected a data set, a lake or a table"),
    ("audit lake --against dataset:folder", "has no split 'test'"),
    ("audit lake --against header.csv", "has no column view_id"),
    (
        "audit lake --against lake",
        "the lake has no embedding model; run `score --scorer clip` first",
    ),
    ("audit lake --against lake --save leaks.txt", "expected a file named .csv or .parquet"),
    ("audit lake --against lake --report leaks.pdf", "expected a file named .html"),
    ("audit lake --against lake --place-km 0", "place_km 0.0; expected a distance"),
    ("audit lake --against lake --hash-bits 64", "a number of bits from 0 to 63"),
    ("build lake --out new --exclude-audit --audit-kinds same", "kinds of overlap 'same'"),
    ("build lake --out new --audit-kinds same_id", "--audit-kinds without --exclude-audit"),
    ("remove lake nobody", "no view nobody"),
    ("migrate folder", "not a lake"),
    ("finetune none.yaml", "no recipe"),
    ("finetune list.yaml", "expected a mapping"),
    ("quickstart --recipe none.yaml --out new", "no recipe"),
    ("quickstart --out folder/../lake", "holds other files"),
    ("benchmark --model prior --task dataset:none#test --out new", "has no split"),
    ("benchmark --model priro --task lake:lake --out new", "did you mean prior?"),
    ("benchmark --model vlm:folder --task lake:lake --out new", "has no config.json"),
    ("benchmark --task lake:lake --out new", "--model and --predictions"),
    ("leaderboard folder", "no complete runs"),
    ("scrapee", "Did you mean 'scrape'"),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_one_readable_line(line, said, made, georeasoner, monkeypatch):
    monkeypatch.chdir(made)
    before = sorted(made.rglob("*"))
    done = georeasoner(*line.split())
    assert done.code == 2, done.err
    errors = [text for text in done.err.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1 and errors == done.err.splitlines()[-1:]
    assert said in errors[0]
    assert "Traceback" not in done.err and done.out == ""
    left = [p for p in sorted(made.rglob("*")) if p not in before and p.suffix == ".parquet"]
    assert left == []
    shutil.rmtree(made / "new", ignore_errors=True)


@pytest.mark.parametrize(
    "query",
    [
        "COPY views TO 'out.csv'", "ATTACH 'other.db'", "INSTALL httpfs", "SET threads = 1",
        "DROP TABLE views", "DELETE FROM views", "SELECT 1; SELECT 2", "PRAGMA database_list",
        "SELECT * FROM read_csv('header.csv')", "SELECT * FROM 'header.csv'",
        "SELECT * FROM glob('*')", "SELECT nothing FROM views", "SELECT",
    ],
)  # fmt: skip
def test_sql_reads_its_lake_and_nothing_else(query, made, georeasoner, monkeypatch):
    monkeypatch.chdir(made)
    before = sorted(made.rglob("*"))
    done = georeasoner("sql", query, "--on", "lake")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("error: ")
    assert sorted(made.rglob("*")) == before


def test_bad_files_are_counted_rejects(georeasoner, tmp_path):
    """Of nine rows one is taken; each other leaves a reject, and a second run doubles none."""
    Image.effect_noise((200, 200), 90).convert("RGB").save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "zero.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")  # 400 megapixels in a few kB
    rows = [
        "good.jpg,48,2", "half.jpg,48,3", "zero.jpg,48,4", "text.jpg,48,5", "folder.jpg,48,6",
        "bomb.png,48,7", "good.jpg,,", "good.jpg,91,2", "good.jpg,x,2",
    ]  # fmt: skip
    lines = ["id,file,lat,lon", *(f"{i},{row}" for i, row in enumerate(rows))]
    (tmp_path / "views.csv").write_text("\n".join(lines))
    source, lake = f"table:{tmp_path / 'views.csv'}", tmp_path / "lake"
    done = georeasoner("ingest", source, "--lake", lake)
    assert done.code == 0
    assert "9 inputs = 1 accepted + 0 excluded + 8 rejected" in done.err
    georeasoner("ingest", source, "--lake", lake)
    rejects = Lake.open(lake).read("rejects").sort_by("input_id").to_pylist()
    assert [row["reason"] for row in rejects] == [
        "truncated_image", "empty_file", "not_an_image", "unreadable_file", "too_many_pixels",
        "missing_coordinates", "coordinates_out_of_range", "coordinates_not_numbers",
    ]  # fmt: skip


def test_a_full_disk_leaves_no_half_shard(georeasoner, tmp_path, monkeypatch):
    """The disk fills up while a shard is written, as far as the lake can tell."""
    import errno

    from georeasoner.lake import writer

    def full(path, table):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(".tmp-" + path.name).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    lake = tmp_path / "lake"
    with monkeypatch.context() as patch:
        patch.setattr(writer, "write_parquet", full)
        done = georeasoner("ingest", "clueworld:3", "--lake", lake)
    assert done.code == 2 and "No space left on device" in done.err
    assert Lake.open(lake).count("views") == 0
    assert georeasoner("ingest", "clueworld:3", "--lake", lake).code == 0
    assert Lake.open(lake).count("views") == 3
