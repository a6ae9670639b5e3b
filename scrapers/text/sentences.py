"""Passages into sentences: verbatim text in, its sentences out, in their order."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def sentences_of(text: str) -> list[str]:
    """The sentences of a passage, none empty, white space collapsed."""
    return [sentence for sentence in _END.split(" ".join(text.split())) if sentence]
