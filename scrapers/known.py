"""The clues of a source that a lake has already, and whether their rights are still what they were.

What a site says about the use of its pages can change, and what could not be read once can be read
later; the row of a clue must not go on saying what the site said first.
"""

from __future__ import annotations

from typing import Any

from georeasoner.lake import Lake
from georeasoner.lake.writer import Writer

_RIGHTS = ("license", "rights", "ai_training_allowed")


def _rights(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["license"], tuple(row["rights"] or ()), row["ai_training_allowed"]


class Known:
    """The ids of the source's clues; `compare` takes down where a row says something else now."""

    def __init__(self, lake: Lake, source: str) -> None:
        self.lake, self.source = lake, source
        self._was: dict[str, tuple[Any, ...]] = {}
        self._now: dict[str, tuple[Any, ...]] = {}
        for batch in lake.batches("clues", ["clue_id", "source", *_RIGHTS]):
            for row in batch.to_pylist():
                if row["source"] == source:
                    self._was[row["clue_id"]] = _rights(row)

    def __contains__(self, clue_id: str) -> bool:
        return clue_id in self._was

    def add(self, row: dict[str, Any]) -> None:
        """A new clue, as it is written."""
        self._was[row["clue_id"]] = _rights(row)

    def compare(self, row: dict[str, Any]) -> None:
        """A clue that is there, as it would be written now."""
        if self._was[row["clue_id"]] != _rights(row):
            self._now[row["clue_id"]] = _rights(row)

    def note(self, out: Writer) -> None:
        """Tell how many clues have other rights now."""
        if self._now:
            out.note("rights changed", len(self._now))

    def restate(self) -> None:
        """Write the rights as they are now; the table is replaced as a whole, or not at all."""
        if not self._now:
            return
        stage = f"rights-{self.source}"
        with self.lake.writing(stage, {"source": self.source}, whole=["clues"]) as out:
            for batch in self.lake.batches("clues"):
                for row in batch.to_pylist():
                    now = self._now.get(row["clue_id"])
                    if now is None:
                        out.exclude("as before")
                    else:
                        row |= dict(zip(_RIGHTS, now, strict=True))
                        row["rights"] = list(row["rights"])
                        out.accept(row["clue_id"])
                    out.add("clues", [row])
