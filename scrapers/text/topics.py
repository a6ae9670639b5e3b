"""What a sentence is about: its category, and the ADE20K classes that it speaks of.

In: a sentence and the heading or tag under which its source has it. Out: one of the categories of
`topics.yaml`, or None, and exact names of ADE20K classes. The source's own topic decides where it
is a known one; else the strongest of the sentence's words, the first of those equally strong.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from scrapers.text.names import without_names


def category_of(sentence: str, topic: str | None = None) -> str | None:
    """The category of a sentence under a source's topic, None where neither says one."""
    return (_of_hint(topic) if topic else None) or _of_words(_without_places(sentence))


def classes_of(sentence: str, category: str | None = None) -> tuple[str, ...]:
    """The ADE20K classes of the things that a sentence names, else those of its category."""
    text = _without_places(sentence)
    named = [name for name, pattern in _class_patterns().items() if pattern.search(text)]
    own = _topics()["categories"][category]["ade20k"] if category in categories() else []
    if named and not set(own) & set(named):
        return tuple(named)
    return tuple(dict.fromkeys([*(c for c in own if c in named or not named), *named]))


def categories() -> frozenset[str]:
    """The names of all categories."""
    return frozenset(_topics()["categories"])


def _without_places(sentence: str) -> str:
    """The Cocos Islands are no word for islands, nor the Ivory Coast for a coast."""
    return without_names(sentence, "country", "area", "town")


def _of_words(sentence: str) -> str | None:
    found = [
        (-strength, match.start(), -len(match[0]), name)
        for name, strength, pattern in _patterns()
        if (match := pattern.search(sentence))
    ]
    return min(found)[3] if found else None


def _of_hint(topic: str) -> str | None:
    words = " ".join(re.findall(r"\w+", topic.lower().replace("_", " ")))
    for name, hints in _topics()["hints"].items():
        if words == name.replace("_", " ") or words in hints:
            return str(name)
    return _of_words(words)


@cache
def _topics() -> dict[str, Any]:
    import yaml

    text = Path(__file__).with_name("topics.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


@cache
def _patterns() -> list[tuple[str, int, re.Pattern[str]]]:
    """(category, strength, pattern), for each strength that a category has words of."""
    return [
        (name, strength, _listed(topic[key]))
        for name, topic in _topics()["categories"].items()
        for strength, key in enumerate(("weak", "words", "sure"), 1)
        if key in topic
    ]


@cache
def _class_patterns() -> dict[str, re.Pattern[str]]:
    return {name: _listed(words) for name, words in _topics()["classes"].items()}


def _listed(words: str) -> re.Pattern[str]:
    """One pattern of expressions separated by ", ", as whole words and in the plural."""
    words = "|".join(re.split(r",\s+", words))
    return re.compile(rf"(?<!\w)({words})(s|es)?(?!\w)", re.IGNORECASE)
