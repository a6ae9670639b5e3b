"""A corpus of clues of our own (CC0): tables of facts, the sentences made from them, their checks.

`facts/*.csv` hold one fact a row with its source; `kinds.yaml` says of each table what it is about
and how its facts are put into words; `sources.yaml` says what was opened, where and under which
licence. Whoever changes a fact or a wording raises `VERSION` and sets `RELEASED`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

VERSION = "1"
RELEASED = datetime(2026, 11, 26, tzinfo=UTC)
LICENSE = "CC0-1.0"
FOLDER = Path(__file__).parent
FACTS = FOLDER / "facts"
