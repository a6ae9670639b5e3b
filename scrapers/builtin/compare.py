"""Facts against second, independent tables: `python -m scrapers.builtin.compare FOLDER [--write]`.

In: a folder of unpacked packages (see `scrapers/builtin/packages`). Out on stdout: for each kind
how many facts another table speaks of and how many it bears out, and every fact on which tables
differ with what became of it. With `--write` the tables of facts, `disagreements.csv` and the end
of docs/builtin-clues.md are made anew; without it they are only checked against what they would be,
and a difference is an error.

The rule: a fact that no table contradicts stays. Where tables differ, it stays if those that bear
it (its own source counted) are more than those that contradict it, and at least one other does;
else it is left out. `decided.csv` holds the cases that a further source decided, by name.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from georeasoner.errors import InputError, UserError
from scrapers.builtin import FOLDER
from scrapers.builtin.candidates import BASES, candidates
from scrapers.builtin.facts import kinds, read_facts, table
from scrapers.builtin.opinions import OPINIONS
from scrapers.builtin.packages import Packages

DISAGREEMENTS = FOLDER / "disagreements.csv"
DECIDED = FOLDER / "decided.csv"
DOCS = FOLDER.parents[1] / "docs/builtin-clues.md"
MARK = "<!-- from here on written by `python -m scrapers.builtin.compare FOLDER --write` -->"
_COLUMNS = ("kind", "country", "ours", "source", "theirs", "decision", "why")


@dataclass(frozen=True)
class Verdict:
    """A row with what other tables say of it: (source, what it has, whether it agrees)."""

    kind: str
    row: tuple[str, ...]  # country, values
    source: str
    note: str
    said: tuple[tuple[str, str, bool], ...]
    keep: bool
    why: str

    @property
    def disputed(self) -> bool:
        return not all(ok for _, _, ok in self.said)

    @property
    def ours(self) -> str:
        return " | ".join(self.row[1:])


def judge(packages: Packages, kind: str) -> list[Verdict]:
    """Every row of a kind, kept or not, in the order of its table."""
    columns = kinds()[kind].values
    opinions = [(o, o.says(packages)) for o in OPINIONS.get(kind, ())]
    verdicts = []
    for row, source, note in _rows(packages, kind):
        said = []
        for opinion, table_ in opinions:
            if (theirs := table_.get(row[0])) is not None:
                ok = opinion.agrees(dict(zip(columns, row[1:], strict=True)), theirs)
                if ok is not None:
                    said.append((opinion.source, _short(theirs), ok))
        keep, why = _decide(kind, row, said)
        verdicts.append(Verdict(kind, row, source, note, tuple(said), keep, why))
    return verdicts


def _rows(packages: Packages, kind: str) -> list[tuple[tuple[str, ...], str, str]]:
    """(row, source, note): from the base package, or of a table kept by hand with its left-outs."""
    if kind in BASES:
        return [(row, BASES[kind][1], "") for row in candidates(packages, kind)]
    facts = read_facts(kind)
    rows = [((f.country, *f.values.values()), " ".join(f.sources), f.note) for f in facts]
    kept = {row for row, _, _ in rows}
    for left in _read(DISAGREEMENTS):
        row = (left["country"], *left["ours"].split(" | "))
        if left["kind"] == kind and row not in kept:
            rows.append((row, left["source"], ""))
    return sorted(rows)


def _decide(kind: str, row: tuple[str, ...], said: list[tuple[str, str, bool]]) -> tuple[bool, str]:
    for case in _read(DECIDED):
        if (case["kind"], case["country"], case["value"]) == (kind, row[0], row[1]):
            return case["keep"] == "yes", f"{case['source']}: {case['why']}"
    mute = {o.source for o in OPINIONS.get(kind, ()) if not o.bears}
    agree = sum(ok for source, _, ok in said if source not in mute)
    against = sum(not ok for _, _, ok in said)
    if not against:
        return True, ""
    if agree and 1 + agree > against:
        return True, f"{1 + agree} tables to {against}"
    return False, f"{1 + agree} to {against}, and no further source opened"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(value)
    elif isinstance(value, (set, list, tuple)):
        value = ", ".join(str(round(v, 1) if isinstance(v, float) else v) for v in sorted(value))
    elif isinstance(value, float):
        value = round(value, 1)
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _read(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def tables(packages: Packages) -> tuple[dict[Path, str], list[Verdict]]:
    """What every file should hold, and the verdicts behind it."""
    files, everything = {}, []
    for kind, facts in kinds().items():
        verdicts = judge(packages, kind)
        everything += verdicts
        rows = [(*v.row, v.source, v.note) for v in verdicts if v.keep]
        files[table(kind)] = _csv(["country", *facts.values, "source", "note"], rows)
    disputed = [v for v in everything if v.disputed]
    files[DISAGREEMENTS] = _csv(_COLUMNS, map(_line, disputed))
    before, mark, _ = DOCS.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise InputError(f"{DOCS} has no line {MARK!r}", "the place of the comparison")
    files[DOCS] = f"{before}{MARK}\n\n{report(everything)}"
    return files, everything


def _line(verdict: Verdict) -> tuple[str, ...]:
    against = "; ".join(f"{source}: {theirs}" for source, theirs, ok in verdict.said if not ok)
    decision = "kept" if verdict.keep else "left out"
    country, why = verdict.row[0], verdict.why
    return verdict.kind, country, verdict.ours, verdict.source, against, decision, why


def report(verdicts: list[Verdict]) -> str:
    """The comparison as Markdown: a line for each kind, then every fact in dispute."""
    lines = [
        "| kind | facts | countries | made from | borne out, of the facts that a table speaks of |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, about in kinds().items():
        mine = [v for v in verdicts if v.kind == kind]
        kept = [v for v in mine if v.keep]
        made_from = BASES[kind][1].replace(" ", ", ") if kind in BASES else _pages(kept)
        second = [
            f"{o.source} {sum(said):,} of {len(said):,}"
            for o in OPINIONS.get(kind, ())
            if (said := [ok for v in mine for source, _, ok in v.said if source == o.source])
        ]
        lines.append(
            f"| {about.title} (`{kind}`) | {len(kept)} | {len({v.row[0] for v in kept})} |"
            f" {made_from} | {'; '.join(second) or 'no second table'} |"
        )
    kept = [v for v in verdicts if v.keep]
    lines.append(f"| all | {len(kept):,} | {len({v.row[0] for v in kept})} | | |")
    disputed = [v for v in verdicts if v.disputed]
    stay = sum(v.keep for v in disputed)
    left = len(disputed) - stay
    lines += [
        "",
        f"Facts on which tables differ: {len(disputed)}; {stay} stay, {left} are left out.",
        "",
        "| kind | country | ours | other tables | decision | why |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, country, ours, _, against, decision, why in map(_line, disputed):
        cells = (kind, country, ours.replace(" | ", "; ").strip("; "), against, decision, why)
        lines.append(f"| {' | '.join(c.replace('|', '/').replace('<', '&lt;') for c in cells)} |")
    return "\n".join(lines) + "\n"


def _pages(verdicts: list[Verdict]) -> str:
    """The sources of a table kept by hand: by name where they are few."""
    names = sorted({name for v in verdicts for name in v.source.split()})
    return ", ".join(names) if len(names) < 4 else f"{len(names)} pages"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where packages are unpacked")
    parser.add_argument("--write", action="store_true", help="make the tables anew")
    arguments = parser.parse_args()
    try:
        files, verdicts = tables(Packages(arguments.folder))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(report(verdicts))
    stale = [f for f, text in files.items() if not f.exists() or f.read_text("utf-8") != text]
    if arguments.write:
        for file in stale:
            file.write_text(files[file], encoding="utf-8")
    for file in stale:
        print(f"{'written' if arguments.write else 'differs'}: {file.name}", file=sys.stderr)
    return 1 if stale and not arguments.write else 0


if __name__ == "__main__":
    sys.exit(main())
