"""The published form of a lake: the highly locatable views with their pictures, ready to load.

A lake goes in; a folder for `datasets.load_dataset` comes out, with the configurations `views`
(pixels joined to metadata, in leak-free splits), `scores` and `clues`, a card, and provenance.json.
It is written beside its place and renamed, so it is whole or absent.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.audit.leaks import Leaks, find_leaks
from builders.card import write_card
from builders.choice import Plan, choose_views
from builders.licences import redistributable
from builders.reserved import check_overrides, override
from builders.shards import ShardWriter, features_of
from builders.splits import FRACTIONS, check_fractions
from georeasoner.errors import ConfigError, EmptyResultError, InputError, IntegrityError, StaleError
from georeasoner.lake import Lake, Sums, Writer, read_image
from georeasoner.lake.files import TEMPORARY, write_json
from georeasoner.progress import log, track
from georeasoner.provenance import file_sha256, fingerprint, provenance
from scoring.choose import choose_score

STAGE = "build"
FORMAT = 1
MIN_LOCATABILITY = 0.4  # the paper's threshold
_TABLES = ("views", "images", "scores", "duplicates", "clues", "clue_groups", "removals")
_AUDIT_TABLES = ("audits", "overlaps")


@dataclass
class Contents:
    """What was written, counted for the card and for whoever publishes."""

    splits: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    licenses: Counter[str | None] = field(default_factory=Counter)
    clue_licenses: Counter[str | None] = field(default_factory=Counter)
    attributions: Counter[str | None] = field(default_factory=Counter)
    synthetic: int = 0
    not_redistributable: int = 0
    without_pixels: int = 0
    clues: int = 0
    clues_withheld: int = 0
    clues_reserved: int = 0
    clues_overridden: Counter[str] = field(default_factory=Counter)
    view_ids: dict[str, list[str]] = field(default_factory=dict)

    def count(self, split: str, row: dict[str, Any]) -> None:
        """One row of `views`."""
        self.splits[split] += 1
        self.view_ids.setdefault(split, []).append(row["view_id"])
        self.countries[row["country"] or "unknown"] += 1
        self.licenses[row["license"]] += 1
        self.attributions[row["attribution"]] += 1
        self.synthetic += bool(row["synthetic"])
        self.not_redistributable += not row["redistributable"]
        self.without_pixels += row["image"] is None

    def as_dict(self) -> dict[str, Any]:
        """The counts for JSON."""
        return {
            "splits": dict(self.splits),
            "countries": dict(self.countries),
            "licenses": {name or "unknown": n for name, n in self.licenses.items()},
            "clue_licenses": {name or "unknown": n for name, n in self.clue_licenses.items()},
            "synthetic_views": self.synthetic,
            "not_redistributable_views": self.not_redistributable,
            "views_without_pixels": self.without_pixels,
            "clues": self.clues,
            "clues_withheld": self.clues_withheld,
            "clues_reserved": self.clues_reserved,
            "clues_overridden": dict(self.clues_overridden),
            "view_ids_fingerprint": {s: fingerprint(sorted(i)) for s, i in self.view_ids.items()},
        }


@dataclass(frozen=True)
class Built:
    """A finished data set: its folder, the stage's sums, and its provenance.json."""

    path: Path
    sums: Sums
    provenance: dict[str, Any]


def build(
    lake: Lake,
    out: str | Path,
    scores: str | None = None,
    min_locatability: float | None = None,
    percentile: float | None = None,
    seed: int = 0,
    *,
    fractions: dict[str, float] | None = None,
    exclude_conflicts: bool = False,
    allow_no_country: bool = False,
    local_only: bool = False,
    exclude_leaks: Sequence[str] = (),
    allow_training: Sequence[str] = (),
) -> Built:
    """Write the data set of a lake to the folder `out`; nothing happens where it is there already.

    `scores` names the score_id where the lake has several. Views below `min_locatability` (0.4 by
    default), or below that `percentile` of all scored views, are left out, like duplicates, and
    views without a country unless `allow_no_country`; `exclude_conflicts` also leaves out those
    whose source states another country. What may not be redistributed comes without pixels, unless
    `local_only`, which makes a data set that is not for publishing. Views that the lake's audits
    found to overlap with a benchmark in one of the ways `exclude_leaks` are left out. The clues of
    the sources `allow_training` are marked as free for training, against their site's word.
    Raises `StaleError` where `out` holds something else or an audit is older than the lake,
    `EmptyResultError` where nothing is left.
    """
    folder = Path(out)
    threshold = _threshold(min_locatability, percentile)
    config = {
        "score_id": choose_score(lake, scores), "min_locatability": threshold,
        "percentile": percentile, "fractions": check_fractions(fractions or FRACTIONS),
        "exclude_conflicts": exclude_conflicts, "allow_no_country": allow_no_country,
        "local_only": local_only, "dataset_format": FORMAT,
    }  # fmt: skip
    leaks = None
    if exclude_leaks:
        config["exclude_leaks"] = list(exclude_leaks)
        leaks = find_leaks(lake, exclude_leaks)
    if allow_training:
        config["allow_training"] = sorted(set(allow_training))
        check_overrides(lake, config["allow_training"])
    state = lake.state(*_TABLES, *(_AUDIT_TABLES if leaks else ()))
    if (done := _already(folder, config, seed, state)) is not None:
        return done
    temporary = folder.absolute().with_name(TEMPORARY + folder.absolute().name)
    with lake.writing(STAGE, config, seed=seed, inputs=state) as writer:
        shutil.rmtree(temporary, ignore_errors=True)  # of a run that died; the lock is ours
        plan = choose_views(
            lake, config["score_id"], threshold or 0.0, percentile, config["fractions"], seed,
            leaks.of_view if leaks else None,
            exclude_conflicts=exclude_conflicts, allow_no_country=allow_no_country,
        )  # fmt: skip
        temporary.mkdir(parents=True)
        try:
            contents = _write(lake, temporary, plan, config, writer)
            if not contents.splits:
                raise EmptyResultError(
                    f"none of {plan.kept.num_rows:,} pictures can be read", "",
                    "see the lake's table rejects, or ingest with --copy-images",
                )  # fmt: skip
            record = _record(temporary, config, seed, state, plan, contents, writer.sums, leaks)
            write_card(temporary, folder.name, record, contents, writer.sums)
            write_json(temporary / "provenance.json", record)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    _tell(folder, contents, local_only)
    return Built(folder, writer.sums, record)


def _threshold(min_locatability: float | None, percentile: float | None) -> float | None:
    """The threshold, or None where a percentile decides it."""
    if percentile is None:
        return MIN_LOCATABILITY if min_locatability is None else min_locatability
    if min_locatability is not None:
        raise ConfigError("both a minimum and a percentile of locatability", "one of them")
    if not 0 <= percentile <= 100:
        raise ConfigError(f"percentile {percentile}", "a number from 0 to 100")
    return None


def _already(folder: Path, config: dict[str, Any], seed: int, state: str) -> Built | None:
    """The data set that is there, if it is the one wanted; None where there is nothing."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    path = folder / "provenance.json"
    if not path.is_file():
        raise InputError(f"{folder} holds other things", "a new folder or a data set")
    record = json.loads(path.read_text())
    wanted = {"config": config, "seed": seed, "inputs_state": state}
    changed = [name for name, value in wanted.items() if record.get(name) != value]
    if changed:
        before = record.get("config") or {}
        named = [n for n in config if config[n] != before.get(n)] if "config" in changed else []
        what = ", ".join([n for n in changed if n != "config"] + named).replace(
            "inputs_state", "the lake's tables"
        )
        raise StaleError(
            f"{folder} holds a data set made otherwise ({what})", "",
            "delete that folder or name another one",
        )  # fmt: skip
    sums = Sums(
        record["sums"]["accepted"],
        *(Counter(record["sums"][name]) for name in ("excluded", "rejected", "notes")),
    )
    log(f"{STAGE}: {folder} is there already, of the same lake and settings")
    return Built(folder, sums, record)


def _write(lake: Lake, folder: Path, plan: Plan, config: dict[str, Any], out: Writer) -> Contents:
    """The shards of all configurations; what becomes of every view is told to `out`."""
    from datasets import Image, List, Value

    score_id, local_only = config["score_id"], config["local_only"]
    contents = Contents()
    for reason, count in plan.excluded.items():
        out.exclude(reason, count)
    for view_id in plan.without_picture:
        out.reject(view_id, "image_missing", "the lake has no row of images for it")
    more = {"locatability": Value("float64"), "clues": List(Value("string"))}
    features = features_of("views", **more)
    first = {"view_id": features["view_id"], "image": Image()}
    features = type(features)(first | features)
    splits = sorted(set(plan.kept["split"].to_pylist()))
    views = {s: ShardWriter(folder / "data", s, features) for s in splits}
    scores = {s: ShardWriter(folder / "scores", s, features_of("scores")) for s in splits}
    texts = _write_clues(lake, folder, config, contents)
    rows = zip(_pictures(lake, plan), _metadata(lake, folder, plan, score_id), strict=True)
    for picture, (split, row, score) in track(rows, STAGE, plan.kept.num_rows):
        if picture["view_id"] != row["view_id"]:
            raise IntegrityError(f"picture {picture['view_id']} met view {row['view_id']}")
        image = None
        if row["redistributable"] or local_only:
            try:
                data = read_image(picture, lake.root)
            except InputError as error:
                out.reject(row["view_id"], "image_missing", str(error))
                continue
            image = {"bytes": data, "path": row["view_id"]}
        top = score["top_clues"] or []
        clues = [texts[clue["clue_id"]] for clue in top if clue["clue_id"] in texts]
        row = row | {"image": image, "locatability": score["locatability"], "clues": clues}
        views[split].add(row)
        scores[split].add(score)
        contents.count(split, row)
        out.accept(row["view_id"])
    for writer in (*views.values(), *scores.values()):
        writer.close()
    return contents


def _pictures(lake: Lake, plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows of `images` of the views that were taken, in the lake's order."""
    wanted = iter(plan.kept["at"].to_pylist())
    at, following = 0, next(wanted, None)
    for batch in lake.batches("images", batch_rows=32):
        while following is not None and following < at + batch.num_rows:
            yield batch.slice(following - at, 1).to_pylist()[0]
            following = next(wanted, None)
        at += batch.num_rows


def _metadata(
    lake: Lake, folder: Path, plan: Plan, score_id: str
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(split, row of `views`, row of `scores`) in the order of the pictures."""
    connection = lake.connect()
    spill = str(folder / "spill").replace("'", "''")
    connection.execute(f"SET temp_directory = '{spill}'; SET TimeZone = 'UTC'")
    connection.register("kept", plan.kept)
    result = connection.sql(
        "SELECT k.split, v AS view, s AS score FROM kept k JOIN views v USING (view_id)"
        " JOIN (SELECT * FROM scores WHERE score_id = $score_id) s USING (view_id) ORDER BY k.at",
        params={"score_id": score_id},
    )
    for batch in result.to_arrow_reader(256):
        for row in batch.to_pylist():
            yield row["split"], row["view"], row["score"]
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _write_clues(
    lake: Lake, folder: Path, config: dict[str, Any], contents: Contents
) -> dict[str, str]:
    """The clues whose licence allows handing them on; the texts of those free for training, by id.

    Only these go into the views, of which a model is trained.
    """
    writer = ShardWriter(folder / "clues", "train", features_of("clues"))
    overridden = config.get("allow_training", ())
    texts: dict[str, str] = {}
    for batch in lake.unique_clues():
        for found in batch.to_pylist():
            row = override(found, overridden)
            if not (config["local_only"] or redistributable(row["license"])):
                contents.clues_withheld += 1
                continue
            writer.add(row)
            contents.clue_licenses[row["license"]] += 1
            if row is not found:
                contents.clues_overridden[row["source"]] += 1
            if row["ai_training_allowed"]:
                texts[row["clue_id"]] = row["text"]
            else:
                contents.clues_reserved += 1
    writer.close()
    contents.clues = writer.rows
    return texts


def _record(
    folder: Path, config: dict[str, Any], seed: int, state: str, plan: Plan, contents: Contents,
    sums: Sums, leaks: Leaks | None,
) -> dict[str, Any]:  # fmt: skip
    files = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*.parquet"))
    }
    return provenance(config, seed) | {
        "dataset_format": FORMAT,
        "fingerprint": fingerprint(files),  # the data's own revision: what a task refers to
        "inputs_state": state,
        "min_locatability": plan.rules.min_locatability,
        "sums": sums.as_dict(),
        "contents": contents.as_dict(),
        "audits": leaks.describe() if leaks else [],
        "files": files,
    }


def _tell(folder: Path, contents: Contents, local_only: bool) -> None:
    counts = ", ".join(f"{split} {n:,}" for split, n in sorted(contents.splits.items()))
    log(f"{STAGE}: {folder}: {counts}")
    if contents.without_pixels:
        log(
            f"{STAGE}: {contents.without_pixels:,} views come without pixels, because their"
            " licence is unknown or does not let them be handed on"
        )
    if local_only and contents.not_redistributable:
        log(f"{STAGE}: {contents.not_redistributable:,} views may not be redistributed")
