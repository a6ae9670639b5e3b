"""Validating scores of a lake against models: same views, intervals, differences, the report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmark.locatability import ALL, FARTHEST_KM, Report, validate
from benchmark.predicted import PREDICTED, read_predictions
from benchmark.score import Scoring
from georeasoner.clueworld.exact import exact_within
from georeasoner.errors import EmptyResultError, InputError, UnknownNameError
from georeasoner.lake import Lake


def lake_of(root: Path, n: int, seed: int = 0) -> tuple[Lake, pa.Table]:
    """n views on the equator; "good" ranks them by how often a model is near, "bad" at random.

    Model "one" is within 25 km with probability q, else 3,000 km off; the last view has no answer.
    """
    rng = np.random.default_rng(seed)
    q = rng.random(n)
    lake = Lake.create(root)
    views, scores, said = [], [], []
    for i in range(n):
        view_id, lon = f"v{i:05d}", float(i % 90)
        views.append({"view_id": view_id, "lat": 0.0, "lon": lon, "sequence_id": f"s{i // 2}"})
        good = {"p_within_25km": q[i], "p_within_200km": q[i], "p_within_750km": q[i]}
        scores += [
            {"score_id": "good:m@1", "view_id": view_id, "locatability": q[i], **good},
            {"score_id": "bad:m@1", "view_id": view_id, "locatability": rng.random()},
        ]
        off = 0.1 if rng.random() < q[i] else 27.0  # degrees
        answer = (None, None) if i == n - 1 else (0.0, lon + off)
        said.append({"model": "one", "view_id": view_id, "lat": answer[0], "lon": answer[1]})
    with lake.writing("test", {}) as out:
        out.add("views", views)
        out.add("scores", scores)
        out.accept(count=n)
    return lake, pa.Table.from_pylist(said, schema=PREDICTED)


def row(report: Report, score_id: str, model: str = "one"):
    return next(r for r in report.rows if (r.score_id, r.model) == (score_id, model))


def test_a_score_that_knows_beats_one_that_does_not(tmp_path: Path) -> None:
    lake, said = lake_of(tmp_path / "lake", 400)
    report = validate(lake, said, ["bad:m@1", "good:m@1"], Scoring(resamples=300))
    good, bad = row(report, "good:m@1"), row(report, "bad:m@1")
    # a score that states q for an event of probability q, q uniform: AUROC 5/6 in the limit
    assert good.values["auroc_25km"].value == pytest.approx(5 / 6, abs=0.05)
    assert good.values["auroc_25km"].low > bad.values["auroc_25km"].high
    # Brier of such a score: mean of q (1 - q) = 1/6
    assert good.values["brier_25km"].value == pytest.approx(1 / 6, abs=0.03)
    assert not {"brier_25km", "spearman_exact", "spearman_exact_25km"} & set(bad.values)
    assert "spearman_exact" not in good.values
    change = good.differences["auroc_25km"]
    assert change.low > 0.2 and change.value == pytest.approx(
        good.values["auroc_25km"].value - bad.values["auroc_25km"].value
    )
    assert not bad.differences and report.baseline == "bad:m@1"
    assert good.views == 400 and len(good.risk["25km"]) == 10
    assert good.risk["25km"][-1].value == pytest.approx(1 - report.shares_within["one"][0])
    again = validate(lake, said, ["bad:m@1", "good:m@1"], Scoring(resamples=300))
    assert row(again, "good:m@1") == good


def test_intervals_shrink_with_more_views_and_widen_with_clusters(tmp_path: Path) -> None:
    widths = {}
    for n in (100, 1600):
        lake, said = lake_of(tmp_path / str(n), n)
        for cluster in ("view", "cell"):
            scoring = Scoring(resamples=300, cluster=cluster)
            found = row(validate(lake, said, ["good:m@1"], scoring), "good:m@1")
            widths[n, cluster] = (
                found.values["spearman_error"].high - found.values["spearman_error"].low
            )
    # sixteen times as many views: a quarter of the width
    assert widths[1600, "view"] / widths[100, "view"] == pytest.approx(0.25, abs=0.08)
    assert widths[1600, "cell"] > 0


def test_unanswered_is_farthest_and_every_score_sees_the_same_views(tmp_path: Path) -> None:
    assert pytest.approx(math.pi * 6371) == FARTHEST_KM
    lake, said = lake_of(tmp_path / "lake", 40)
    with lake.writing("more", {}) as out:
        out.add("views", [{"view_id": "nowhere"}, {"view_id": "unscored", "lat": 0.0, "lon": 0.0}])
        out.add("scores", [{"score_id": "good:m@1", "view_id": "nowhere", "locatability": 1.0}])
        out.accept(count=2)
    two = said.slice(0, 30).set_column(0, "model", pa.array(["two"] * 30))
    report = validate(lake, pa.concat_tables([said, two]), (), Scoring(resamples=50))
    assert report.excluded == {"no_position": 1, "not_scored_by_all": 1}
    assert [row(report, "bad:m@1", m).views for m in ("one", "two", ALL)] == [40, 30, 30]
    # the one without an answer is not within any threshold
    answered = sum(r["lon"] is not None for r in said.to_pylist())
    assert answered == 39 and report.shares_within["one"][2] < 1


def test_the_exact_locatability_of_clueworld(held_out: Path) -> None:
    from scoring.stage import score

    lake = Lake.open(held_out)
    rows = lake.read("views", ["view_id", "lat", "lon", "extra"]).to_pylist()
    exact = {r["view_id"]: json.loads(r["extra"])["locatability"] for r in rows}
    within = exact_within([r["extra"] for r in rows], (25, 200, 750))
    assert within is not None and (np.diff(within, axis=1) >= 0).all()
    names = ("p_within_25km", "p_within_200km", "p_within_750km")
    with lake.writing("exact", {}) as out:
        out.add("scores", [
            {"score_id": "exact:m@1", "view_id": v, "locatability": x,
             **dict(zip(names, p.tolist(), strict=True))}
            for (v, x), p in zip(exact.items(), within, strict=True)
        ])  # fmt: skip
        out.accept(count=len(exact))
    score(lake, scorer="random")
    said = pa.Table.from_pylist(
        [{"model": "one", "view_id": r["view_id"], "lat": 0.0, "lon": 0.0} for r in rows],
        schema=PREDICTED,
    )
    report = validate(lake, said, ["random:seed-0@1", "exact:m@1"], Scoring(resamples=50))
    values = row(report, "exact:m@1").values
    for name in ("", "_25km", "_200km", "_750km"):
        assert values[f"spearman_exact{name}"].value == pytest.approx(1)
    assert abs(row(report, "random:seed-0@1").values["spearman_exact"].value) < 0.6


def test_the_command_writes_the_report(tmp_path: Path, georeasoner) -> None:
    lake, said = lake_of(tmp_path / "lake", 60)
    file = tmp_path / "said.csv"
    lines = [f"{r['model']},{r['view_id']},{r['lat']},{r['lon']}" for r in said.to_pylist()]
    file.write_text("\n".join(["model,view_id,lat,lon", *lines]).replace("None", "") + "\n")
    done = georeasoner(
        "validate-locatability", lake.root, "--predictions", file, "--resamples", 50,
        "--out", tmp_path / "report",
    )  # fmt: skip
    assert done.code == 0 and "good:m@1" in done.out and "60 views" in done.out
    found = json.loads((tmp_path / "report" / "locatability.json").read_text())
    assert {f["measure"] for f in found["figures"]} >= {"spearman_error", "auroc_25km", "ece_750km"}
    assert all(f["low"] is not None for f in found["figures"] if f["value"] is not None)
    text = (tmp_path / "report" / "locatability.md").read_text()
    assert "| `good:m@1` |" in text and "Minus `bad:m@1`, paired" in text
    import xml.etree.ElementTree as ElementTree

    svg = ElementTree.parse(tmp_path / "report" / "risk_coverage.svg").getroot()
    lines = svg.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 6  # two scores, three thresholds, one model
    wrong = georeasoner("validate-locatability", lake.root, "--predictions", tmp_path / "no.csv")
    assert wrong.code == 2 and "there is no file" in wrong.err


def test_mistakes_are_named(tmp_path: Path) -> None:
    lake, said = lake_of(tmp_path / "lake", 10)
    with pytest.raises(UnknownNameError, match="did you mean good"):
        validate(lake, said, ["god:m@1"])
    other = said.set_column(1, "view_id", pa.array([f"x{i}" for i in range(10)]))
    with pytest.raises(EmptyResultError, match="no model was asked about a view"):
        validate(lake, other)
    (tmp_path / "twice.csv").write_text("view_id,lat,lon\na,1,2\na,1,2\n")
    with pytest.raises(InputError, match="twice has 2 answers to view a"):
        read_predictions([tmp_path / "twice.csv"])
    (tmp_path / "bare.csv").write_text("view_id,note\na,x\n")
    with pytest.raises(InputError, match="expected view_id and lat with lon, country"):
        read_predictions([tmp_path / "bare.csv"])
    (tmp_path / "named.csv").write_text("view_id,country\na,France\nb,\n")
    rows = read_predictions([tmp_path / "named.csv"]).to_pylist()
    assert rows[0]["model"] == "named" and rows[0]["lat"] == pytest.approx(48.85, abs=0.1)
    assert rows[1]["lat"] is None
