"""The data set's README.md: what it holds, whose it is, how it was made, how to load it.

Everything in it is counted from what was written; it claims nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from builders.licences import hub_id
from georeasoner.lake import Sums

if TYPE_CHECKING:
    from builders.dataset import Contents

_SHOWN = 40  # rows of a table in the card; the rest is summed up
DRAWN_ONLY = "clueworld-clip"  # the CLIP that ships
_FOLDERS = {"views": "data", "scores": "scores"}


def write_card(
    folder: Path, name: str, record: dict[str, Any], contents: Contents, sums: Sums
) -> None:
    """Write README.md with the Hub's header; its configurations name what lies in `folder`."""
    header = yaml.safe_dump(
        _header(name, record["fingerprint"], contents), sort_keys=False, allow_unicode=True
    )
    text = f"---\n{header}---\n\n{_body(name, record, contents, sums)}"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _header(name: str, revision: str, contents: Contents) -> dict[str, Any]:
    """`datasets` keeps what it loaded from a folder under a hash of this header and the folder's
    last name, whatever the files hold: so every configuration carries the data's own revision."""
    total = contents.splits.total()
    bounds = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    sizes = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
    tags = ["geolocation", "street-view", "georeasoner"]
    splits = sorted(contents.splits, key=("train", "validation", "test").index)
    configs: list[dict[str, Any]] = [
        {
            "config_name": config,
            **({"default": True} if config == "views" else {}),
            "description": f"revision {revision}",
            "data_files": [{"split": s, "path": f"{path}/{s}-*.parquet"} for s in splits],
        }
        for config, path in _FOLDERS.items()
    ]
    if contents.clues:  # `datasets` cannot load a configuration without rows
        clues = [{"split": "train", "path": "clues/train-*.parquet"}]
        said = f"revision {revision}"
        configs.append({"config_name": "clues", "description": said, "data_files": clues})
    return {
        "pretty_name": name,
        "license": _hub_licence(contents),
        "size_categories": [sizes[sum(total >= bound for bound in bounds)]],
        "tags": tags + (["synthetic"] if contents.synthetic else []),
        "configs": configs,
    }


def _hub_licence(contents: Contents) -> str:
    """The Hub has one licence for views and clues: theirs, or `other` where there is no one."""
    licences = {hub_id(licence) for licence in (*contents.licenses, *contents.clue_licenses)}
    return licences.pop() if len(licences) == 1 and "unknown" not in licences else "other"


def _body(name: str, record: dict[str, Any], contents: Contents, sums: Sums) -> str:
    total = contents.splits.total()
    config = record["config"]
    sections = [
        f"# {_safe(name)}",
        f"{total:,} street views with position, country and city, in"
        f" {_count(len(contents.countries), 'country', 'countries')}, chosen for how much they"
        " tell about where they were taken.",
        *_notices(total, config, contents),
        "## Contents",
        _table(("split", "views"), contents.splits),
        _table(("country", "views"), contents.countries),
        "## Licences and attribution",
        "The `license`, `attribution` and `source_url` of every view are in its row.",
        _table(("licence", "views"), contents.licenses),
        _clue_licences(contents),
        _table(("attribution", "views"), contents.attributions),
        _withheld(contents),
        "## How it was made",
        _made(record, sums),
        "## Loading",
        _loading(name, contents),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _notices(total: int, config: dict[str, Any], contents: Contents) -> Iterable[str]:
    if contents.synthetic:
        part = "All views are" if contents.synthetic == total else f"{contents.synthetic:,} are"
        yield (
            f"> **Synthetic.** {part} drawn by a program, not photographed. The places are real,"
            " what the pictures show of them is invented."
        )
    real = total - contents.synthetic
    if real and f":{DRAWN_ONLY}" in config["score_id"]:
        yield (
            f"> **Placeholder scores.** `{DRAWN_ONLY}` has seen drawn scenes only; what it says"
            f" means nothing on the {real:,} photographs here."
        )
    if contents.clues_overridden:
        sources = ", ".join(
            f"{_safe(source)} ({n:,})" for source, n in sorted(contents.clues_overridden.items())
        )
        yield (
            "> **Reservations overridden.** By their sites' word or their licence the clues of"
            f" these sources are not for training: {sources}. Who built this data set chose to"
            " mark them as free for it; their `rights` say what was found."
        )
    if config["local_only"] and contents.not_redistributable:
        yield (
            f"> **Not for publishing.** {contents.not_redistributable:,} views may not be"
            " redistributed."
        )


def _clue_licences(contents: Contents) -> str:
    """A table, unless the licence in the header covers views and clues alike."""
    if not contents.clue_licenses or _hub_licence(contents) != "other":
        return ""
    said = "Those of every clue are in its row too: `license` and `source_url`."
    return f"{said}\n\n{_table(('licence', 'clues'), contents.clue_licenses)}"


def _withheld(contents: Contents) -> str:
    lines = []
    if contents.without_pixels:
        lines.append(
            f"{contents.without_pixels:,} views have no pixels (`image` is null): their licence is"
            " unknown or does not allow redistribution. Fetch them from their `source_url`, where"
            " they have one, under its own terms."
        )
    if contents.clues_withheld:
        lines.append(
            f"{contents.clues_withheld:,} clues are left out, because their licence is unknown or"
            " does not allow redistribution."
        )
    if contents.clues_reserved:
        lines.append(
            f"{contents.clues_reserved:,} clues are not for training, by their site's word or their"
            " licence: their `ai_training_allowed` is false, and no view quotes them."
        )
    return "\n\n".join(lines)


def _made(record: dict[str, Any], sums: Sums) -> str:
    config, threshold = record["config"], record["min_locatability"]
    chosen = f"locatability of at least {threshold:.4g}"
    if config["percentile"] is not None:
        chosen += f", the {config['percentile']:g}th percentile of the scored views"
    shares = ", ".join(f"{s} {f:g}" for s, f in config["fractions"].items() if f)
    return "\n".join(
        (
            f"- Score: `{config['score_id']}`; taken: {chosen}.",
            f"- Sums: {sums.line('build')}.",
            *_audited(record, sums),
            "- Splits: views of one H3 cell (resolution 6), one sequence or one group of"
            f" near-duplicates are never in two splits; wanted shares: {shares}; seed"
            f" {record['seed']}.",
            "- `country`, `admin1` and `city` come from the position; `country_stated` is what the"
            " source says, `country_conflict` where the two differ.",
            f"- Made by georeasoner at revision `{record['code_revision']}`; settings, versions"
            " and the SHA-256 of every file are in `provenance.json`.",
        )
    )


def _audited(record: dict[str, Any], sums: Sums) -> Iterable[str]:
    """Against which benchmarks, and what was left out for it."""
    kinds = record["config"].get("exclude_leaks", ())
    for audit in record["audits"]:
        looked = ", ".join(kind for kind in kinds if kind in audit["kinds"]) or "nothing"
        yield (
            f"- Audited against {_safe(audit['name'])} (revision `{audit['revision']}`,"
            f" {audit['against_views']:,} views) for {looked}."
        )
    if kinds:
        out = sum(n for reason, n in sums.excluded.items() if reason.startswith("leak_"))
        yield f"- {out:,} views that overlap with a benchmark in one of these ways are left out."


def _loading(name: str, contents: Contents) -> str:
    first = "train" if contents.splits["train"] else next(iter(contents.splits))
    clues = f'clues = load_dataset("{name}", "clues", split="train")\n' if contents.clues else ""
    return f"""```python
from datasets import load_dataset

views = load_dataset("{name}", split="{first}")  # a folder, or OWNER/NAME on the Hub
scores = load_dataset("{name}", "scores", split="{first}")  # class shares, best-matching clues
{clues}```

```
georeasoner sql "SELECT country, count(*), avg(locatability) FROM views GROUP BY ALL" --on {name}
```"""


def _table(header: tuple[str, str], counts: Counter[Any]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    lines = [f"| {header[0]} | {header[1]} |", "| --- | ---: |"]
    lines += [f"| {_safe(value or 'unknown')} | {n:,} |" for value, n in ranked[:_SHOWN]]
    if rest := ranked[_SHOWN:]:
        lines.append(f"| {len(rest):,} others | {sum(n for _, n in rest):,} |")
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Text of unknown origin that stays one cell and no markup."""
    flat = " ".join(text.split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        flat = flat.replace(character, entity)
    return flat


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
