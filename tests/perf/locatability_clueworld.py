"""Which locatability foretells errors, on ClueWorld, where the exact one is known.

    python tests/perf/locatability_clueworld.py WORK

draws scenes, scores them, lets models answer, fits the learned scorer on views for building and
validates all scores on held-out ones, in other cells of the same cities. The models learn from a
third lake. They read the tiny CLIP's embeddings: a multinomial logistic regression (`linear`) and
a network of one hidden layer (`mlp`), which the fit learns from; `vote`, of the 15 nearest of some
views, answers held-out views alone, as do the oracle `ceiling`, `clip-zeroshot` and `prior`.
`noise-free` is a second fit on 12 draws that are right with the exact probability of naming the
country: what the learner finds where its targets have next to no noise. What is there already is
kept, so a second call only fits and validates what is missing.
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
FEATURES = 2048
VOTERS = 15
AMONG = 3000  # views of the training lake


def main() -> None:
    """Run what is missing, print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--train", type=int, default=60000)
    arguments.add_argument("--fit", type=int, default=60000)
    arguments.add_argument("--held", type=int, default=3000)
    asked = arguments.parse_args()
    work: Path = asked.work
    lakes = {
        "train": drawn(work / "train", f"clueworld:{asked.train}", SEEDS["train"]),
        "fit": drawn(work / "fit", f"clueworld:{asked.fit}", SEEDS["fit"]),
        "held": drawn(work / "held", f"clueworld:{asked.held}@heldout", SEEDS["held"]),
    }
    if not (work / "held.csv").exists():
        predict(lakes, work)
    for model in ("ceiling", "clip-zeroshot", "prior"):
        task, train = f"lake:{work / 'held'}", f"lake:{work / 'train'}"
        run(model, task, work / "runs", train=train, candidates=train, batch_size=64)
    fits = {"learned": lambda: read_predictions([work / "fit.csv"]),
            "noise-free": lambda: draws(lakes["fit"])}  # fmt: skip
    for name, predictions in fits.items():
        if not (work / name).exists():
            fit_locatability(
                lakes["fit"], predictions(), work / name, features=FEATURES, neighbourhood="cell"
            )
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


def predict(lakes: dict[str, Lake], work: Path) -> None:
    """What the models say of the views to fit on and of those held out, as two tables."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    views = {name: vectors_of(lake) for name, lake in lakes.items()}
    _, known, places, named = views["train"]
    cities = np.unique(named)
    number = np.searchsorted(cities, named)
    centre = np.array([places[number == c].mean(axis=0) for c in range(len(cities))])
    scaler = StandardScaler().fit(known)
    learners = {
        "linear": LogisticRegression(C=0.03, max_iter=100),
        "mlp": MLPClassifier((256,), max_iter=12, alpha=1e-3, random_state=0),
    }
    found = {name: model.fit(scaler.transform(known), number) for name, model in learners.items()}
    for name in ("fit", "held"):
        ids, vectors, *_ = views[name]
        said = {m: centre[model.predict(scaler.transform(vectors))] for m, model in found.items()}
        if name == "held":
            order = np.argsort(-(vectors @ known[:AMONG].T), axis=1)[:, :VOTERS]
            vote = [Counter(number[row].tolist()).most_common(1)[0][0] for row in order]
            said["vote"] = centre[vote]
        tables = [answers(model, ids, place) for model, place in said.items()]
        pyarrow.csv.write_csv(pa.concat_tables(tables), work / f"{name}.csv")


def vectors_of(lake: Lake) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Ids, (N, D) vectors, (N, 2) positions and cities of a lake's views."""
    found = read_vectors(lake, choose_model(lake))
    rows = lake.read("views", ["view_id", "lat", "lon", "country", "city"]).to_pylist()
    view = {row["view_id"]: row for row in rows}
    mine = [view[i] for i in found.view_id]
    places = np.array([[row["lat"], row["lon"]] for row in mine])
    cities = np.array([f"{row['country']} {row['city']}" for row in mine])
    return list(found.view_id), found.unit.astype(np.float32), places, cities


def draws(lake: Lake, models: int = 12) -> pa.Table:
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
