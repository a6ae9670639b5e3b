"""SQL over a lake and a data set: answers in every format, and nothing but the tables is read."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.sql import run_query
from georeasoner.errors import InputError, QueryError
from georeasoner.lake import Lake


@pytest.fixture
def lake(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("ingest", {}) as out:
        for n, country in enumerate(["JP", "JP", "FR"]):
            out.add("views", [{"view_id": f"v{n}", "country": country, "lat": n / 2}])
            out.add("images", [{"view_id": f"v{n}", "bytes": b"12345"}])
            out.accept()
    return str(lake.root)


def ask(query, on, format="json"):
    out = io.StringIO()
    run_query(query, on, format=format, out=out)
    return out.getvalue()


def test_formats(lake):
    query = "SELECT country, count(*) AS n, max(lat) AS lat FROM views GROUP BY ALL ORDER BY ALL"
    assert json.loads(ask(query, lake)) == [
        {"country": "FR", "n": 1, "lat": 1.0},
        {"country": "JP", "n": 2, "lat": 0.5},
    ]
    assert ask(query, lake, "csv") == "country,n,lat\nFR,1,1.0\nJP,2,0.5\n"
    assert "JP" in ask(query, lake, "table")
    assert json.loads(ask("SELECT * FROM scores", lake)) == []
    assert ask("SELECT view_id FROM scores", lake, "csv") == "view_id\n"


def test_values_that_json_cannot_hold(lake):
    query = (
        "SELECT bytes, 'NaN'::DOUBLE AS nan, NULL AS nothing, [1, 2] AS list,"
        " {'a': DATE '2024-02-29'} AS struct FROM images LIMIT 1"
    )
    assert json.loads(ask(query, lake)) == [
        {"bytes": "<5 bytes>", "nan": None, "nothing": None, "list": [1, 2],
         "struct": {"a": "2024-02-29"}},
    ]  # fmt: skip


def test_saving_is_whole(lake, tmp_path):
    target = tmp_path / "out" / "slice.parquet"
    run_query("SELECT view_id, bytes FROM images ORDER BY 1", lake, save=target)
    assert pq.read_table(target).to_pylist()[0] == {"view_id": "v0", "bytes": b"12345"}
    with pytest.raises(QueryError, match=r"[Cc]ould not convert"):
        run_query("SELECT country::INT FROM views", lake, save=target)
    assert pq.read_table(target).num_rows == 3
    assert [p.name for p in target.parent.iterdir()] == ["slice.parquet"]
    run_query("SELECT 1 AS one", lake, save=tmp_path / "one.csv")
    assert (tmp_path / "one.csv").read_bytes() == b"one\n1\n"


@pytest.mark.parametrize(
    "query",
    [
        "COPY views TO '{tmp}/x.csv'",
        "ATTACH '{tmp}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW views",
        "DELETE FROM views",
        "EXPORT DATABASE '{tmp}/x'",
        "SELECT 1; SELECT 2",
        "",
        "SELECT * FROM '{tmp}/secret.csv'",
        "SELECT * FROM read_csv('{tmp}/secret.csv')",
        "SELECT * FROM read_text('{tmp}/secret.csv')",
        "SELECT * FROM read_parquet('{tmp}/lake/views/*.parquet')",
        "SELECT * FROM glob('{tmp}/*')",
        "SELECT getenv('HOME')",
        "WITH s AS (SELECT * FROM read_blob('{tmp}/secret.csv')) SELECT * FROM s",
        "SELECT (SELECT count(*) FROM read_csv_auto('{tmp}/secret.csv'))",
        "SELECT * FROM views WHERE view_id IN (SELECT content FROM read_text('{tmp}/secret.csv'))",
        "FROM '{tmp}/secret.csv'",
        "SELECT * FROM nothing",
        "SELEC 1",
    ],
)
def test_what_is_refused(lake, tmp_path, query):
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with pytest.raises(QueryError) as raised:
        ask(query.format(tmp=tmp_path), lake)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "x.csv").exists()


def test_a_data_set_has_its_configurations(tmp_path):
    root = tmp_path / "dataset"
    for folder, split in (("data", "train"), ("data", "test"), ("scores", "train")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        path = root / folder / f"{split}-00000-of-00001.parquet"
        pq.write_table(pa.table({"view_id": [f"{folder}-{split}"]}), path)
    rows = json.loads(ask("SELECT * FROM views ORDER BY split", str(root)))
    assert rows == [
        {"view_id": "data-test", "split": "test"},
        {"view_id": "data-train", "split": "train"},
    ]
    assert json.loads(ask("SELECT view_id FROM scores", str(root))) == [{"view_id": "scores-train"}]


def test_what_cannot_be_asked(tmp_path):
    with pytest.raises(InputError, match="a lake, a data set"):
        ask("SELECT 1", str(tmp_path))
    with pytest.raises(InputError, match="OWNER/NAME"):
        ask("SELECT 1", "hf://models/x")
