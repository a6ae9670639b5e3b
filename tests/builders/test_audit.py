"""Overlaps between a lake and a benchmark: one planted of each kind, found once each."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from builders.audit import audit
from georeasoner.errors import InputError
from georeasoner.lake import Lake


@pytest.fixture
def lake(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    rows = [
        {"view_id": "a", "lat": 10.0, "lon": 20.0, "sha256": "1", "sequence_id": "s"},
        {"view_id": "b", "lat": -30.0, "lon": 179.0, "sha256": "2", "sequence_id": None},
    ]
    with lake.writing("ingest", {}) as out:
        for row in rows:
            out.add("views", [row])
            out.accept()
    return lake


def test_every_kind_of_overlap_is_found(lake, tmp_path):
    table = tmp_path / "benchmark.csv"
    table.write_text(
        "view_id,sha256,sequence_id,lat,lon\n"
        "a,8,,0,0\n"  # same id
        "file,2,,0,1\n"  # same bytes as b
        "sequence,9,s,0,2\n"  # same sequence as a
        "place,7,,10.0003,20\n"  # 0.0003 degrees of latitude are 33 m
        "near,6,,10.001,20\n"  # 111 m away: another place
    )
    found = audit(lake, table, save=tmp_path / "leaks.csv").to_pylist()
    assert [(r["view_id"], r["against_id"], r["overlap"]) for r in found] == [
        ("a", "a", "same_id"),
        ("a", "place", "same_place"),
        ("a", "sequence", "same_sequence"),
        ("b", "file", "same_file"),
    ]
    assert found[1]["distance_km"] == pytest.approx(0.0334, abs=1e-4)
    assert csv.read_csv(tmp_path / "leaks.csv").num_rows == 4


def test_what_is_missing_is_said(lake, tmp_path, capsys):
    table = tmp_path / "ids.csv"
    table.write_text("view_id\nb\n")
    assert audit(lake, table).num_rows == 1
    assert "has no sha256, sequence_id, lat, lon" in capsys.readouterr().err
    with pytest.raises(InputError, match="cannot be compared"):
        audit(lake, tmp_path / "nothing")


def test_one_split_of_a_data_set(lake, tmp_path):
    (tmp_path / "data").mkdir()
    for split, view_id in (("train", "a"), ("test", "b")):
        rows = pa.table({"view_id": [view_id]})
        pq.write_table(rows, tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    assert audit(lake, tmp_path).num_rows == 2
    assert audit(lake, f"dataset:{tmp_path}#test")["view_id"].to_pylist() == ["b"]
    with pytest.raises(InputError, match="cannot be compared"):
        audit(lake, f"dataset:{tmp_path}#validation")
