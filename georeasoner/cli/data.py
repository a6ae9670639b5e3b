"""The commands that make data: scrape, ingest, score, dedup, audit, build, publish, sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from georeasoner.cli.main import app

if TYPE_CHECKING:
    from georeasoner.lake import Lake

LakeOption = Annotated[Path, typer.Option("--lake", help="The lake's directory; made if new.")]
LakeArgument = Annotated[Path, typer.Argument(help="The lake's directory.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="open_clip id, hf-hub:ID, local-dir:PATH, or a transformers CLIP id or folder."
    ),
]


@app.command()
def scrape(
    source: Annotated[list[str], typer.Argument(help="Names of clue sources.")],
    lake: LakeOption,
    start_url: Annotated[str | None, typer.Option(help="Where the source's site is.")] = None,
    max_pages: Annotated[int, typer.Option(help="Make at most this many requests.")] = 1000,
    delay_s: Annotated[
        float | None, typer.Option(help="Wait between two requests (1; 0 on loopback).")
    ] = None,
    contact: Annotated[str | None, typer.Option(help="Your address, for the user agent.")] = None,
    ner: Annotated[
        str | None,
        typer.Option(help="A token-classification model that finds places, not the gazetteer."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Fetch the clues' pictures where licences allow.")
    ] = False,
    parse_as: Annotated[
        str | None, typer.Option("--as", help="With html:PATH: whose saved pages these are.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="With --as: where the page was, if it does not say.")
    ] = None,
    merge: Annotated[
        bool, typer.Option(help="Find clues that say the same in nearly the same words.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be fetched; read robots.txt only.")
    ] = False,
) -> None:
    """Collect clues about how places look, with their licence and where they come from.

    Example: `georeasoner scrape clueworld --lake LAKE --start-url http://127.0.0.1:8000/`
    """
    from georeasoner.errors import ConfigError, UserError
    from georeasoner.lake import Lake
    from georeasoner.progress import log
    from scrapers.fetch.crawl import CrawlSettings
    from scrapers.merge import merge_clues
    from scrapers.plan import plan
    from scrapers.source import open_source
    from scrapers.stage import scrape as run

    if url is not None and parse_as is None:
        raise ConfigError("--url without --as", "both", "a start is given by --start-url")
    if dry_run and parse_as is not None:
        raise ConfigError("--dry-run with --as", "one of them", "saved pages are not fetched")
    settings = CrawlSettings(max_pages=max_pages, delay_s=delay_s, contact=contact)
    refused: list[UserError] = []
    for name in source:
        try:
            if dry_run:
                for line in plan(lake, name, start_url, settings):
                    print(line)
                continue
            open_source(parse_as or (f"{name}:{start_url}" if start_url else name))
            run(
                Lake.create(lake), name, start_url=start_url, max_pages=max_pages,
                delay_s=delay_s, contact=contact, images=images, parse_as=parse_as,
                saved_from=url, ner=ner,
            )  # fmt: skip
        except UserError as error:  # the other sources have their turn
            refused.append(error)
            if len(source) > 1:
                log(f"{name}: {error}")
    if merge and not dry_run and lake.exists() and Lake.open(lake).count("clues"):
        merge_clues(Lake.open(lake))
    if refused:
        raise refused[0]


@app.command()
def coverage(
    lake: LakeArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder for coverage.csv and a map, coverage.svg.")
    ] = None,
) -> None:
    """What the clues speak of: how many there are by category and country, and where none are.

    Example: `georeasoner coverage LAKE --out coverage`
    """
    from georeasoner.lake import Lake
    from scrapers.coverage import coverage as run
    from scrapers.coverage import write_coverage

    found = run(Lake.open(lake))
    print(f"{'category':<20}{'clues':>9}{'trainable':>11}{'countries':>11}")
    for category, clues, trainable, countries in found.categories():
        print(f"{category:<20}{clues:>9,}{trainable:>11,}{countries:>11,}")
    bare = found.without()
    print(f"{len(found.countries)} countries and territories; none speaks of {len(bare)}", end="")
    print(f": {', '.join(bare[:12])}{', ...' if len(bare) > 12 else ''}" if bare else "")
    if out is not None:
        write_coverage(found, out)


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="folder:PATH, table:FILE, hf:REPO, ...")],
    lake: LakeOption,
    limit: Annotated[int | None, typer.Option(help="Stop after this many inputs.")] = None,
    copy_images: Annotated[
        bool, typer.Option(help="Keep the pictures' bytes in the lake.")
    ] = False,
    seed: Annotated[int, typer.Option(help="For sources that draw (clueworld:N).")] = 0,
) -> None:
    """Bring street views in: `folder:PATH` (EXIF positions), `table:FILE` (csv, parquet, jsonl),
    `hf:REPO`, `webdataset:GLOB`, `mapillary:BBOX`, `clueworld:N`.

    Example: `georeasoner ingest table:views.csv --lake LAKE`
    """
    from builders.ingest import ingest as run
    from georeasoner.lake import Lake

    run(Lake.create(lake), source, limit=limit, copy_images=copy_images, seed=seed)


@app.command()
def score(
    lake: LakeArgument,
    scorer: Annotated[
        str, typer.Option(help="clip, segmentation, table, oracle, or another by name.")
    ] = "clip",
    model: Annotated[
        str | None,
        typer.Option(
            help="A CLIP or segmentation model: open_clip id, hf-hub:ID, local-dir:PATH, a folder."
        ),
    ] = None,
    weights: Annotated[
        str, typer.Option(help="Class weights: published, from-clues[:MODEL], or a JSON file.")
    ] = "published",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="local, or ray for a cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(help="Join this Ray cluster: auto, or HOST:PORT; none: this machine alone."),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Views per forward pass.")] = 32,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda:1, several (cuda:0,cuda:1), or all GPUs.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(help="auto is bfloat16 on a GPU, float32 elsewhere."),
    ] = "auto",
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile the vision model (torch.compile).")
    ] = False,
) -> None:
    """Embeddings, class shares, locatability and best-matching clues of every view without them.

    Example: `georeasoner score LAKE --scorer clip --model ViT-B-32/laion2b_s34b_b79k`
    """
    from georeasoner.lake import Lake
    from scoring.stage import score as run

    opened = Lake.open(lake)
    take_builtin_clues(opened, weights)
    run(
        opened, scorer=scorer, model=model, weights=weights, batch_size=batch_size,
        device=device, precision=precision, compile=compile, engine=engine,
        ray_address=ray_address,
    )  # fmt: skip


def take_builtin_clues(lake: Lake, weights: str) -> None:
    """`from-clues` weighs the classes by the corpus that ships where a lake has no clues."""
    from georeasoner.progress import log
    from scoring.weights import FROM_CLUES
    from scrapers.stage import scrape as run

    if weights.partition(":")[0] == FROM_CLUES and lake.count("views") and not lake.count("clues"):
        log("the lake has no clues, so it gets the corpus that ships (`scrape builtin`)")
        run(lake, "builtin")


@app.command()
def dedup(
    lake: LakeArgument,
    model: Model = None,
    scores: Annotated[
        str | None, typer.Option(help="score_id that ranks them, where there are several.")
    ] = None,
    threshold: Annotated[float, typer.Option(help="Cosine similarity of near-duplicates.")] = 0.95,
    near_km: Annotated[
        float, typer.Option(help="How far apart near-duplicates may be taken.")
    ] = 1.0,
    far_threshold: Annotated[
        float, typer.Option(help="Cosine similarity of the same picture further apart.")
    ] = 0.99,
    hash_bits: Annotated[
        int, typer.Option(help="Perceptual hashes may differ in this many of 64 bits.")
    ] = 10,
    perceptual: Annotated[
        bool, typer.Option("--perceptual/--no-perceptual", help="Compare perceptual hashes.")
    ] = True,
    method: Annotated[
        str, typer.Option(help="Search of embeddings: auto, flat, ivf, hnsw or cagra.")
    ] = "auto",
) -> None:
    """Groups of duplicates and near-duplicates; the most locatable member of each is kept.

    Example: `georeasoner dedup LAKE --threshold 0.96`
    """
    from georeasoner.lake import Lake
    from scoring.duplicates.stage import dedup as run

    run(
        Lake.open(lake), model=model, scores=scores, threshold=threshold, near_km=near_km,
        far_threshold=far_threshold, hash_bits=hash_bits if perceptual else None, method=method,
    )  # fmt: skip


@app.command()
def audit(
    lake: LakeArgument,
    against: Annotated[
        str, typer.Option(help="What `benchmark --task` takes, or any table of views.")
    ],
    save: Annotated[
        Path | None, typer.Option(help="Write the overlaps to this csv or parquet.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with the pictures side by side.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Compare the pictures too.")
    ] = True,
    model: Model = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...")] = None,
    threshold: Annotated[float, typer.Option(help="Cosine similarity of the same picture.")] = 0.95,
    near_km: Annotated[
        float, typer.Option(help="How far apart the same picture may be taken.")
    ] = 1.0,
    far_threshold: Annotated[
        float, typer.Option(help="Cosine similarity of the same picture further apart.")
    ] = 0.99,
    hash_bits: Annotated[int, typer.Option(help="Bits of 64 in which hashes may differ.")] = 4,
    place_km: Annotated[float, typer.Option(help="Views nearer than this share a place.")] = 0.05,
) -> None:
    """What a benchmark shares with the lake: the same id, file, picture, sequence, author, place.

    Example: `georeasoner audit LAKE --against dataset:BENCHMARK#test --report leaks.html`
    """
    from benchmark.task import load_views
    from builders.audit import Settings
    from builders.audit.command import audit_command
    from builders.audit.overlaps import Limits
    from georeasoner.lake import Lake

    limits = Limits(threshold, near_km, far_threshold, place_km, hash_bits)
    audit_command(
        Lake.open(lake), load_views(against), Settings(limits, pictures, model, device),
        save=save, report=report,
    )  # fmt: skip


@app.command()
def build(
    lake: LakeArgument,
    out: Annotated[Path, typer.Option(help="The data set's folder; made by this command.")],
    scores: Annotated[str | None, typer.Option(help="score_id, where there are several.")] = None,
    min_locatability: Annotated[
        float | None, typer.Option(help="Keep views that score at least this (default 0.4).")
    ] = None,
    percentile: Annotated[
        float | None, typer.Option(help="Keep views from this percentile of the scores on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the assignment to splits.")] = 0,
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Keep pixels that may not be redistributed.")
    ] = False,
    exclude_conflicts: Annotated[
        bool, typer.Option("--exclude-conflicts", help="Leave out contradicted countries.")
    ] = False,
    exclude_audit: Annotated[
        bool, typer.Option("--exclude-audit", help="Leave out what `audit` found to leak.")
    ] = False,
    audit_kinds: Annotated[
        str | None,
        typer.Option(help="Which overlaps, KIND,KIND (all but same_author and same_cell)."),
    ] = None,
    allow_training: Annotated[
        list[str] | None,
        typer.Option(help="Override the reservation of a clue source; the card says so. Again."),
    ] = None,
) -> None:
    """The highly locatable data set: filtered, without leaks between splits, with its card.

    Example: `georeasoner build LAKE --out DATASET --min-locatability 0.4`
    """
    from builders.audit.leaks import check_kinds
    from builders.dataset import build as run
    from georeasoner.errors import ConfigError
    from georeasoner.lake import Lake

    if audit_kinds is not None and not exclude_audit:
        raise ConfigError("--audit-kinds without --exclude-audit", "both")
    run(
        Lake.open(lake), out, scores=scores, min_locatability=min_locatability,
        percentile=percentile, seed=seed, local_only=local_only,
        exclude_conflicts=exclude_conflicts,
        exclude_leaks=check_kinds(audit_kinds) if exclude_audit else (),
        allow_training=allow_training or (),
    )  # fmt: skip


@app.command()
def publish(
    dataset: Annotated[Path, typer.Argument(help="A folder that `build` made.")],
    repo_id: Annotated[str, typer.Argument(help="owner/name on the Hub.")],
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Tag the commit.")] = None,
    synthetic: Annotated[bool, typer.Option(help="Yes, publish synthetic data.")] = False,
) -> None:
    """Publish a data set to the Hub, and verify it by reading it back.

    Example: `georeasoner publish DATASET me/street-views --revision v1`
    """
    from builders.publish import publish_dataset

    print(
        publish_dataset(dataset, repo_id, private=private, revision=revision, synthetic=synthetic)
    )


@app.command()
def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT; tables are named as in docs/tables.md.")
    ],
    on: Annotated[str, typer.Option(help="A lake, a data set, or hf://datasets/OWNER/NAME.")],
    save: Annotated[Path | None, typer.Option(help="Write the result to this file.")] = None,
    format: Annotated[str | None, typer.Option(help="table, csv, json or parquet.")] = None,
) -> None:
    """Ask a lake or a data set with DuckDB's SQL; read-only.

    Example: `georeasoner sql "SELECT country, count(*) FROM views GROUP BY ALL" --on LAKE`
    """
    from builders.sql import run_query

    run_query(query, on, save=save, format=format, out=sys.stdout)
