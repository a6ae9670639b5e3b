"""The same views from a lake, a data set or a table are the same task; bad tables are refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.task import Task, load_task
from georeasoner.errors import EmptyResultError, InputError, UnknownNameError
from georeasoner.lake import Lake
from scoring.decode import Refusal, safe_open


def pictures(task: Task, *ids: str) -> dict:
    return dict(task.read_pictures(frozenset(ids or task.view_ids)))


def test_lake_and_data_set_are_the_same_task(held_out: Path, dataset: Path):
    lake = load_task(f"lake:{held_out}")
    data = load_task(f"dataset:{dataset}#test")
    assert data.name == "streets#test" and lake.name == "held_out"
    for key in ("ids_sha256", "truth", "revision", "license", "synthetic"):
        assert lake.identity()[key] == data.identity()[key], key
    assert lake.identity()["synthetic"] is True
    assert pictures(lake) == pictures(data)
    assert list(pictures(data)) == data.view_ids
    chosen = data.view_ids[11]
    assert list(pictures(data, chosen)) == [chosen]
    # a bare path is enough
    assert load_task(str(held_out)).source == f"lake:{held_out}"
    assert load_task(f"{dataset}#test").split == "test"


def test_another_label_is_another_task(task: Task):
    changed = task.truth.set_column(
        task.truth.column_names.index("city"), "city", pa.array(["Atlantis"] * len(task))
    )
    other = Task(task.name, task.source, task.revision, changed, task.read_pictures)
    assert other.identity()["ids_sha256"] == task.identity()["ids_sha256"]
    assert other.identity()["truth"] != task.identity()["truth"]


def test_limit_is_a_task_of_its_own(held_out: Path):
    whole, first = load_task(str(held_out)), load_task(str(held_out), limit=5)
    assert first.view_ids == whole.view_ids[:5] and first.name == "held_out[:5]"
    assert first.identity()["ids_sha256"] != whole.identity()["ids_sha256"]


def test_a_view_without_a_picture_is_asked_last(tmp_path: Path):
    lake = Lake.create(tmp_path / "lake")
    with lake.writing("ingest", {}) as out:
        out.add("views", [{"view_id": v, "lat": 1.0, "lon": 2.0} for v in ("blind", "seen")])
        out.add("images", [{"view_id": "seen", "bytes": b"x"}])
        out.accept(count=2)
    task = load_task(f"lake:{lake.root}")
    assert task.view_ids == ["seen", "blind"]
    assert pictures(task)["blind"] == Refusal("no_picture")


def test_a_slice_saved_by_sql_is_a_task(dataset: Path, tmp_path: Path):
    rows = pq.read_table(sorted((dataset / "data").glob("*"))[0])
    pq.write_table(rows.select(["view_id", "lat", "lon", "image"]), tmp_path / "slice.parquet")
    task = load_task(str(tmp_path / "slice.parquet"))
    assert len(task) == 10 and task.truth["country"].null_count == 10
    assert safe_open(pictures(task)[task.view_ids[0]]).size == (224, 224)
    pq.write_table(rows.select(["view_id", "lat", "lon"]), tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="has no pictures"):
        pictures(load_task(str(tmp_path / "bare.parquet")))


def test_csv_ids_stay_text_and_namibia_is_no_gap(tmp_path: Path):
    (tmp_path / "views.csv").write_text(
        "id,latitude,lng,country,city\n"
        "00297765091851450,-22.56,17.08,NA,Windhoek\n"
        "2,35.7,139.7,Japan,\n"
        "3,,,,\n"
    )
    truth = load_task(str(tmp_path / "views.csv")).truth.to_pylist()
    assert truth[0]["view_id"] == "00297765091851450" and truth[0]["country"] == "NA"
    assert truth[1]["country"] == "JP" and truth[1]["city"] is None
    assert truth[2]["lat"] is None and truth[2]["country"] is None


def test_photographs_beside_their_table(shared_data: Path):
    task = load_task(f"table:{shared_data / 'streetscapes' / 'views.csv'}")
    assert len(task) == 40 and set(task.truth["country"].to_pylist()) == {"CA", "DE", "FR"}
    found = pictures(task, task.view_ids[3])
    assert not isinstance(safe_open(found[task.view_ids[3]]), Refusal)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name,lat,lon\na,1,2\n", "no column view_id"),
        ("view_id,heading\na,1\n", "no lat and lon, and no country"),
        ("view_id,lat,lon\na,91,2\n", r"view a lies at \(91"),
        ("view_id,country\na,Atlantis\n", "Atlantis"),
        ("view_id,country\na,FR\na,DE\n", "twice, such as 'a'"),
        ("view_id,country\n,FR\n", "1 rows without an id"),
        ("view_id,lat,lon\na,north,2\n", "cannot be read"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, complaint: str):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_task(f"table:{tmp_path / 'bad.csv'}")


def test_unknown_tasks(tmp_path: Path, dataset: Path):
    with pytest.raises(UnknownNameError, match="did you mean dataset"):
        load_task("datset:somewhere#test")
    with pytest.raises(UnknownNameError, match="no task"):
        load_task(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="one of test"):
        load_task(f"dataset:{dataset}#validation")
    (tmp_path / "empty.csv").write_text("view_id,country\n")
    with pytest.raises(EmptyResultError, match="no views"):
        load_task(str(tmp_path / "empty.csv"))
