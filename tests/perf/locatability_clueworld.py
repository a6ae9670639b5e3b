"""Which locatability foretells errors, on ClueWorld, where the exact one is known.

    python tests/perf/locatability_clueworld.py WORK

draws scenes, scores them, lets models answer, fits the learned scorer on views for building and
validates all scores on held-out ones, in other cells of the same cities. The models learn from a
third lake. They read the tiny CLIP's embeddings: the nearest view, a vote of the 15 nearest, and a
multinomial logistic regression; the oracle `ceiling`, `clip-zeroshot` and `prior` answer held-out
views too, which the fit never saw. `noise-free` is a second fit on 30 draws that are right
with the exact probability: what the learner finds where its targets have next to no noise. What is
there already is kept, so a second call only fits and validates what is missing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmark.locatability import validate
from benchmark.locatability_report import print_report, write_report
from benchmark.predicted import PREDICTED, read_predictions
from benchmark.run import run
from benchmark.score import Scoring
from builders.ingest import ingest
from georeasoner.clueworld.exact import exact_locatability
from georeasoner.lake import Lake
from scoring.choose import choose_model
from scoring.learned.fit import fit_locatability
from scoring.search.vectors import read_vectors
from scoring.stage import score

SEEDS = {"train": 1, "fit": 2, "held": 13}
KNOWN = ["nearest", "vote", "linear"]


def main() -> None:
    """Run what is missing, print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--train", type=int, default=3000)
    arguments.add_argument("--fit", type=int, default=20000)
    arguments.add_argument("--held", type=int, default=3000)
    asked = arguments.parse_args()
    work: Path = asked.work
    lakes = {
        "train": drawn(work / "train", f"clueworld:{asked.train}", SEEDS["train"]),
        "fit": drawn(work / "fit", f"clueworld:{asked.fit}", SEEDS["fit"]),
        "held": drawn(work / "held", f"clueworld:{asked.held}@heldout", SEEDS["held"]),
    }
    for name in ("fit", "held"):
        answers = pa.concat_tables(predict(lakes["train"], lakes[name]))
        pyarrow.csv.write_csv(answers, work / f"{name}.csv")
    for model in ("ceiling", "clip-zeroshot", "prior"):
        task, train = f"lake:{work / 'held'}", f"lake:{work / 'train'}"
        run(model, task, work / "runs", train=train, candidates=train, batch_size=64)
    fits = {"learned": read_predictions([work / "fit.csv"]), "noise-free": draws(lakes["fit"])}
    for name, predictions in fits.items():
        if not (work / name).exists():
            fit_locatability(lakes["fit"], predictions, work / name)
    held = lakes["held"]
    first = score(held).score_id
    scores = [
        first,
        score(held, "area", model=first, weights=weights_of_the_quickstart(held)).score_id,
        *(score(held, name).score_id for name in ("entropy", "oracle", "random")),
        *(score(held, "learned", model=str(work / name)).score_id for name in fits),
    ]
    found = read_predictions([work / "held.csv", work / "runs"])
    report = validate(held, found, scores, Scoring(cluster="sequence"))
    write_report(report, work / "report")
    print_report(report)


def drawn(folder: Path, source: str, seed: int) -> Lake:
    """A lake of scenes, scored by the tiny CLIP; one that is scored is taken as it is."""
    lake = Lake.create(folder)
    if lake.last_run("score") is None:
        ingest(lake, source, seed=seed)
        score(lake, batch_size=64)
    return lake


def weights_of_the_quickstart(lake: Lake) -> str:
    """`from-clues`, over the clues that ClueWorld's site has."""
    from scrapers.stage import scrape

    if not lake.count("clues"):
        scrape(lake, "clueworld", delay_s=0.0)
    return "from-clues"


def predict(train: Lake, asked: Lake) -> list[pa.Table]:
    """What the three models that learn from `train` say of the views of `asked`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    known, views = vectors_of(train), vectors_of(asked)
    order = np.argsort(-(views[1] @ known[1].T), axis=1)[:, :15]
    cities = np.unique(known[3])
    number = np.searchsorted(cities, known[3])
    centre = np.array([known[2][number == c].mean(axis=0) for c in range(len(cities))])
    vote = [Counter(number[row].tolist()).most_common(1)[0][0] for row in order]
    scaler = StandardScaler().fit(known[1])
    linear = LogisticRegression(C=0.003, max_iter=300).fit(scaler.transform(known[1]), number)
    places = {
        "nearest": known[2][order[:, 0]],
        "vote": centre[vote],
        "linear": centre[linear.predict(scaler.transform(views[1]))],
    }
    return [answers(name, views[0], places[name]) for name in KNOWN]


def vectors_of(lake: Lake) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Ids, (N, D) vectors, (N, 2) positions and cities of a lake's views."""
    found = read_vectors(lake, choose_model(lake))
    rows = lake.read("views", ["view_id", "lat", "lon", "country", "city"]).to_pylist()
    view = {row["view_id"]: row for row in rows}
    mine = [view[i] for i in found.view_id]
    places = np.array([[row["lat"], row["lon"]] for row in mine])
    cities = np.array([f"{row['country']} {row['city']}" for row in mine])
    return list(found.view_id), found.unit.astype(np.float32), places, cities


def draws(lake: Lake, models: int = 30) -> pa.Table:
    """Models that are right with the exact locatability's probability, else unanswered."""
    views = lake.read("views", ["view_id", "lat", "lon", "extra"]).sort_by("view_id")
    exact = exact_locatability(views["extra"].to_pylist())
    assert exact is not None
    places = np.column_stack([views["lat"].to_numpy(), views["lon"].to_numpy()])
    rng = np.random.default_rng(0)
    parts = []
    for n in range(models):
        right = rng.random(len(exact)) < exact
        said = np.where(right[:, None], places, np.nan)
        parts.append(answers(f"draw-{n:02d}", views["view_id"].to_pylist(), said))
    return pa.concat_tables(parts)


def answers(model: str, ids: list[str], places: np.ndarray) -> pa.Table:
    """Rows of `PREDICTED`; NaN becomes null."""
    columns = [pa.array(places[:, k], pa.float64(), from_pandas=True) for k in (0, 1)]
    return pa.table([pa.array([model] * len(ids)), pa.array(ids), *columns], schema=PREDICTED)


if __name__ == "__main__":
    main()
