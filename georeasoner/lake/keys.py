"""A set of row keys that stays small: 8 bytes a key, whatever the keys' length.

Keys are kept as 64-bit BLAKE2b digests, so two different keys are taken for one with a probability
of about n^2 / 2^65: 3e-8 for a million rows, 3e-6 for ten million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Key = str | Sequence[str]


def _digest(key: Key) -> int:
    text = key if isinstance(key, str) else "\x1f".join(key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


class KeySet:
    """Membership of single strings or tuples of strings."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        digests = np.fromiter((_digest(k) for k in keys), dtype=np.uint64)
        self._sorted: NDArray[np.uint64] = np.unique(digests)
        self._recent: set[int] = set()

    def __contains__(self, key: Key) -> bool:
        digest = _digest(key)
        if digest in self._recent:
            return True
        at = int(np.searchsorted(self._sorted, np.uint64(digest)))
        return at < len(self._sorted) and int(self._sorted[at]) == digest

    def __len__(self) -> int:
        return len(self._sorted) + len(self._recent)

    def add(self, key: Key) -> None:
        """Add one key; recent ones are folded into the sorted array now and then."""
        if key in self:
            return
        self._recent.add(_digest(key))
        if len(self._recent) > 1_000_000:
            recent = np.fromiter(self._recent, dtype=np.uint64)
            self._sorted = np.unique(np.concatenate([self._sorted, recent]))
            self._recent = set()
