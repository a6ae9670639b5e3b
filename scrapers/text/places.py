"""Which countries a sentence names.

In: a sentence. Out: ISO codes in the order of the sentence. Runs of words that begin with a
capital are looked up in the gazetteer, the longest first ("South Africa" before "Africa"), with
the small words that may stand inside a name ("Isle of Man").
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from georeasoner.gazetteer import Gazetteer

_WORD = re.compile(r"[^\W\d_][\w.’'-]*", re.UNICODE)
_INSIDE = frozenset({"of", "and", "the", "da", "de", "do"})
_SHORT = frozenset({"UAE", "UK", "US", "USA"})
_LONGEST = 6


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer, loaded once in a process."""
    from georeasoner.gazetteer import Gazetteer

    return Gazetteer.load()


def countries_in(sentence: str) -> tuple[str, ...]:
    """ISO codes of the countries named in a sentence (by name, alias or demonym), each once."""
    words = [word.rstrip(".’'-") for word in _WORD.findall(sentence)]
    found: list[str] = []
    at = 0
    while at < len(words):
        code, used = _longest(words, at)
        if code and code not in found:
            found.append(code)
        at += used
    return tuple(found)


def _longest(words: list[str], at: int) -> tuple[str | None, int]:
    if not words[at][0].isupper():
        return None, 1
    for end in range(min(len(words), at + _LONGEST), at, -1):
        run = words[at:end]
        if not all(w[0].isupper() or w in _INSIDE for w in run) or not run[-1][0].isupper():
            continue
        name = " ".join(run)
        # "In", "No" and "Can" are codes to the gazetteer, and the beginning of many a sentence.
        if (len(name) > 3 or name in _SHORT) and (code := gazetteer().country(name)):
            return code, len(run)
    return None, 1
