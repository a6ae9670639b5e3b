"""What a person sees while something runs: log lines and progress bars, on stderr only.

Results go to stdout and nothing else does, so every word of these functions goes to stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
_SHOW_AFTER_S = 2.0
_LINE_EVERY_S = 10.0


def log(message: str) -> None:
    """One line on stderr."""
    print(message, file=sys.stderr, flush=True)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Pass `items` through; report the count once it takes longer than two seconds.

    A terminal sees a line that is rewritten; a file gets a new line every ten seconds.
    """
    if total is None:
        total = len(items) if isinstance(items, Sized) else None
    start = shown = time.monotonic()
    terminal = sys.stderr.isatty()
    done = 0
    printed = False
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        wait_s = 0.2 if terminal else _LINE_EVERY_S
        if now - start > _SHOW_AFTER_S and now - shown > wait_s:
            _report(label, done, total, now - start, terminal)
            shown, printed = now, True
    if printed:
        _report(label, done, total, time.monotonic() - start, terminal)
        if terminal:
            print(file=sys.stderr)


def _report(label: str, done: int, total: int | None, elapsed_s: float, terminal: bool) -> None:
    of = f"/{total:,}" if total is not None else ""
    line = f"{label}: {done:,}{of} in {elapsed_s:.0f} s ({done / elapsed_s:.1f}/s)"
    print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr)
    sys.stderr.flush()
