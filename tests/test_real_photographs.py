"""Forty real street photographs, from a table to a data set that loads, by the commands."""

from __future__ import annotations

import csv
import json

import pytest


@pytest.fixture
def lake(georeasoner, shared_data, tmp_path):
    lake = tmp_path / "lake"
    done = georeasoner(
        "ingest", f"table:{shared_data / 'streetscapes' / 'views.csv'}", "--lake", lake
    )
    assert done.code == 0
    assert "ingest: 40 inputs = 40 accepted + 0 excluded + 0 rejected" in done.err
    return lake


def answer(georeasoner, on, query):
    done = georeasoner("sql", query, "--on", on, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_from_a_table_to_a_data_set(georeasoner, lake, shared_data, tmp_path):
    from datasets import load_dataset

    scored = georeasoner("score", lake, "--scorer", "clip")
    assert scored.code == 0 and "score: 40 inputs = 40 accepted" in scored.err
    assert "40 of 40 views are real photographs" in scored.err and "means nothing" in scored.err
    assert georeasoner("dedup", lake).code == 0
    dataset = tmp_path / "dataset"
    built = georeasoner("build", lake, "--out", dataset, "--min-locatability", 0)
    assert built.code == 0 and "build: 40 inputs = 40 accepted" in built.err

    (row,) = answer(
        georeasoner,
        lake,
        "SELECT count(license) AS licences, count(attribution) AS authors,"
        " count(*) FILTER (country = country_stated) AS agreed FROM views",
    )
    assert row == {"licences": 40, "authors": 40, "agreed": 40}
    straddling = answer(
        georeasoner,
        dataset,
        "SELECT sequence_id FROM views GROUP BY 1 HAVING count(DISTINCT split) > 1",
    )
    assert straddling == []
    loaded = load_dataset(str(dataset))
    assert sum(split.num_rows for split in loaded.values()) == 40
    with (shared_data / "streetscapes" / "views.csv").open(encoding="utf-8") as file:
        given = {row["uuid"]: row for row in csv.DictReader(file)}
    for view in loaded["train"]:
        assert min(view["image"].size) > 100
        stated = given[view["view_id"]]
        assert (view["lat"], view["license"]) == (float(stated["lat"]), stated["license"])
        assert json.loads(view["extra"]).get("weather", "") == stated["weather"]


def test_a_wrong_country_is_kept_flagged_and_counted(georeasoner, shared_data, tmp_path):
    source = shared_data / "streetscapes"
    with (source / "views.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:3]  # two in France, one in Canada
    assert [row["country"] for row in rows] == ["FR", "CA", "FR"]
    rows[1]["country"] = "Chile"
    rows[2]["lat"], rows[2]["lon"] = rows[2]["lon"], rows[2]["lat"]  # still within range
    with (tmp_path / "views.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"file": str(source / row["file"])} for row in rows)
    done = georeasoner("ingest", f"table:{tmp_path / 'views.csv'}", "--lake", tmp_path / "lake")
    assert "3 accepted" in done.err and "country_conflict 2" in done.err
    assert "stated CL, but" in done.err and "coordinates may be swapped" in done.err
    kept = answer(
        georeasoner,
        tmp_path / "lake",
        "SELECT country, country_stated FROM views WHERE country_conflict ORDER BY country_stated",
    )
    assert kept == [
        {"country": "CA", "country_stated": "CL"},
        {"country": None, "country_stated": "FR"},
    ]
