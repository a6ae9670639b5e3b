"""Another system's answers are scored by the same code, and what does not fit is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmark.imported import import_predictions
from benchmark.run import benchmark_command
from benchmark.score import score_run
from georeasoner.errors import InputError


@pytest.fixture
def views(tmp_path: Path) -> Path:
    path = tmp_path / "views.csv"
    path.write_text(
        "view_id,lat,lon,country,city\n"
        "1,48.85,2.35,FR,Paris\n2,35.69,139.69,JP,Tokyo\n3,-22.56,17.08,NA,Windhoek\n4,52.5,13.4,DE,\n"
    )
    return path


def score(predictions: str, views: Path, capsys=None) -> tuple[dict, object]:
    file = views.with_name("answers.csv")
    file.write_text(predictions)
    done = import_predictions(file, f"table:{views}", views.parent / "runs")
    return score_run(done)["metrics"], done


def test_countries_and_cities(views: Path, capsys):
    metrics, done = score(
        "view_id,country,city\n1,France,paris\n2,Nipponland,\n3,NA,\n9,FR,Paris\n", views
    )
    said = capsys.readouterr().err
    assert "1 view ids are not in views: '9'" in said
    assert "1 of 4 views are missing" in said and "'4'" in said
    assert "1 countries are not known and count as unanswered: 'Nipponland'" in said
    assert metrics["country_accuracy"]["value"] == 2 / 4
    assert metrics["country_accuracy_answered"]["value"] == 1.0
    assert metrics["country_recall"]["value"] == 2 / 4
    assert metrics["city_accuracy"]["value"] == 1 / 3  # of three known cities
    assert done.table("rejects")["input_id"].to_pylist() == ["9"]
    assert done.record["counts"] == {"views": 4, "answered": 2, "unanswered": 2, "rejected": {}}


def test_coordinates_alone(views: Path):
    metrics, _ = score("view_id,lat,lon\n1,48.85,2.35\n2,,\n3,-22.56,17.08\n4,52.5,13.0\n", views)
    # 0.4 degrees of longitude at 52.5 degrees north: 27 km
    assert metrics["accuracy_1km"]["value"] == metrics["accuracy_25km"]["value"] == 2 / 4
    assert metrics["accuracy_200km"]["value"] == 3 / 4
    assert metrics["country_recall"]["value"] == 0.0


def test_raw_text_goes_through_the_parser(views: Path):
    raw = json.dumps({"reasons": ["kanji"], "country": "Japan", "city": "Tokyo"}).replace('"', '""')
    metrics, done = score(f'view_id,raw\n2,"I think: {raw}"\n1,no idea\n', views)
    assert metrics["country_accuracy"]["value"] == 1 / 4
    by_id = {row["view_id"]: row for row in done.table("predictions").to_pylist()}
    assert by_id["2"]["reasons"] == ["kanji"] and by_id["2"]["position_source"] == "city"
    assert by_id["1"]["answered"] is False


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("view_id,country\n1,FR\n1,DE\n", "more than once: '1'"),
        ("view_id,country\nx,FR\n", "none of the 1 view ids.*ids such as '1'"),
        ("view_id,lat,lon\n1,100,2\n", r"view 1 is placed at \(100"),
        ("view_id,lat\n1,10\n", "lat with lon"),
        ("view_id,guess\n1,FR\n", "view_id and lat with lon"),
    ],
)
def test_files_that_do_not_fit(views: Path, text: str, complaint: str):
    with pytest.raises(InputError, match=complaint):
        score(text, views)


def test_the_published_predictions_of_osv5m(shared_data: Path, tmp_path: Path, capsys):
    with (shared_data / "osv5m_game_predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, columns in {
        "views": {"view_id": "id", "lat": "true_lat", "lon": "true_lon", "country": "country"},
        "best": {"view_id": "id", "lat": "pred_lat", "lon": "pred_lon", "country": "pred_country"},
    }.items():
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({k: row[v] for k, v in columns.items()} for row in rows)
    benchmark_command(
        task=f"table:{tmp_path / 'views.csv'}", out=tmp_path / "runs",
        predictions=tmp_path / "best.csv", name="OSV-5M",
    )  # fmt: skip
    saved = next((tmp_path / "runs").glob("*/metrics.json"))
    found = json.loads(saved.read_text())["metrics"]
    theirs = sum(float(row["score"]) for row in rows) / len(rows)
    assert found["geoguessr_score"]["value"] == pytest.approx(theirs, rel=1e-5)
    same = sum(row["country"] == row["pred_country"] for row in rows)
    assert found["country_accuracy"]["value"] == same / 50
    assert "OSV-5M" in capsys.readouterr().out
