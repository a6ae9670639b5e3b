"""Which places a sentence speaks of.

In: a sentence, and what its page is about. Out: ISO codes and regions (cities, divisions, named
areas, "northern Italy"), in the order of the sentence. Names come from `scrapers.text.names` or
from a tagger; the rules after that are the same, and their words stand in `places.yaml`:

1. Things, streets and people named after places ("Panama hat", "Jordan Street", "Chad told me") are
   no places.
2. "Paris, Texas" is in Texas; Georgia is the state where the sentence or the page speaks of the
   United States, or the sentence of what only that state has ("county roads"); a town's name that
   several countries have means the page's, else that of another place in the sentence, else the
   one where far more people live.
3. Of what is left, those count that the sentence speaks of: `scrapers.text.spoken`.
4. "the south of France", "Peru's northern coast" and "coastal Peru" are regions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest

from scrapers.text.names import (
    Mention,
    Name,
    any_of,
    around,
    gazetteer,
    mentions_in,
    phrases,
)
from scrapers.text.spoken import spoken_of
from scrapers.text.topics import category_of

NAMESAKE = 10
"""A page about Canada does not mean its London where the other has so many times more people."""


@dataclass(frozen=True)
class Places:
    """Countries as ISO codes and places within them, each once, in the order of the sentence."""

    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


def countries_in(sentence: str) -> tuple[str, ...]:
    """ISO codes of the countries that a sentence speaks of."""
    return places_in(sentence).countries


def places_in(
    sentence: str,
    page_countries: Sequence[str] = (),
    spans: list[tuple[int, int]] | None = None,
) -> Places:
    """The places that a sentence speaks of; `page_countries` only help to tell namesakes apart.

    `spans` (start, end) are what a tagger takes for places; None finds them by the gazetteer.
    """
    mentions = mentions_in(sentence, spans)
    if spans is None:
        mentions = list(_without_things(sentence, mentions))
    mentions = list(_told_apart(sentence, mentions, page_countries))
    spoken = spoken_of(sentence, mentions)
    return Places(
        tuple(dict.fromkeys(code for m in spoken for code in m.name.countries)),
        tuple(dict.fromkeys(r for m in spoken for r in _regions(sentence, m))),
    )


# -- names that are no places ----------------------------------------------------------------------


def _without_things(sentence: str, mentions: Iterable[Mention]) -> Iterator[Mention]:
    things = [match.span() for match in any_of(*phrases()["idioms"]).finditer(sentence)]
    for mention in mentions:
        inside = any(a <= mention.start < b or a < mention.end <= b for a, b in things)
        if not (inside or _street().match(sentence, mention.end) or _is_person(sentence, mention)):
            yield mention


@cache
def _street() -> re.Pattern[str]:
    """What makes a name before it a street's: "Jordan Street", not "Jordan Road Signs"."""
    return re.compile(rf" ({'|'.join(phrases()['streets'])})\b(?! [A-Z])")


def _is_person(sentence: str, mention: Mention) -> bool:
    before, after = around(sentence, mention)
    word = re.search(r"(\w+)\.?\s+$", before)
    if word and word[1] in phrases()["first_names"]:
        return True
    if mention.name.key not in phrases()["also_first_names"]:
        return False
    surname = re.match(r"\s+([A-Z][a-z]+)\b", after)
    credit = re.search(rf"\b{phrases()['credits']}\s+$", before, re.IGNORECASE)
    said = re.match(rf"\s+({'|'.join(phrases()['said'])})\b", after)
    unknown = surname and category_of(surname[1]) is None  # no "Chad Bollards"
    return bool(unknown or credit or said)


# -- namesakes -------------------------------------------------------------------------------------


def _told_apart(sentence: str, mentions: list[Mention], page: Sequence[str]) -> Iterator[Mention]:
    """Names with several meanings get the one that fits the sentence and the page."""
    twofold = phrases()["also_division"]
    named = {c for m in mentions if m.name.key not in twofold for c in m.name.countries}
    sure = {c for m in mentions if len(m.name.choices) < 2 for c in m.name.countries}
    for mention, following in zip_longest(mentions, mentions[1:]):
        name = (
            _in_division(sentence, mention, following)
            or _as_division(sentence, mention, page, named)
            or _fitting(mention.name, page, sure)
            or mention.name
        )
        if name.countries or name.kind == "area":
            yield replace(mention, name=name)


def _in_division(sentence: str, mention: Mention, following: Mention | None) -> Name | None:
    """The "Paris" of "Paris, Texas", where Texas's country has a town of that name."""
    if following is None or sentence[mention.end : following.start] != ", ":
        return None
    if following.name.kind != "town" or len(following.name.countries) != 1:
        return None
    town = gazetteer().city(mention.name.key, following.name.countries[0])
    if town is None or mention.name.kind == "people":
        return None
    return Name(mention.name.key, "town", (town.country,), (town.name,))


def _as_division(
    sentence: str, mention: Mention, page: Sequence[str], named: set[str]
) -> Name | None:
    """The state of Georgia, where the page or the sentence is about it or the United States."""
    code = phrases()["also_division"].get(mention.name.key)
    if code is None or set(mention.name.countries) & set(page):
        return None
    own = any_of(*phrases()["division_words"][mention.name.key]).search(sentence)
    if code in page or code in named or own or around(sentence, mention)[0].endswith("state of "):
        return Name(mention.name.key, "town", (code,), (sentence[mention.start : mention.end],))
    return None


def _fitting(name: Name, page: Sequence[str], sure: set[str]) -> Name | None:
    """The town of that name in the page's country, else in one that the sentence names too."""
    most = max((people for people, _ in name.choices.values()), default=0.0)
    for countries in (page, sure):
        codes = [code for code in name.choices if code in countries]
        if len(codes) == 1:
            people, label = name.choices[codes[0]]
            if people * NAMESAKE >= most or gazetteer().capitals().get(codes[0]) == label:
                return replace(name, countries=(codes[0],), regions=(label,))
    return None


# -- regions ---------------------------------------------------------------------------------------

_SIDE = r"((?:north|south)[- ]?(?:east|west)|north|south|east|west)(?:ern)?"
_BEFORE = re.compile(rf"\b(?:{_SIDE}(?:most)?|(central|coastal|inland))\s+$", re.IGNORECASE)
_PART_OF = re.compile(
    rf"\bthe\s+(?:\w+\s+)?(?:{_SIDE}|(cent(?:re|er)|middle|coast|interior))"
    r"(?:ern)?(?:\s+(?:part|half|coast))?\s+of\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"[’']s?\s+(?:\w+\s+)??(?:{_SIDE}|(central|coast))\b", re.IGNORECASE)
_ADJECTIVE = {"centre": "central", "center": "central", "middle": "central", "coast": "coastal"}


def _regions(sentence: str, mention: Mention) -> tuple[str, ...]:
    name = mention.name
    if name.kind != "country" or name.regions:
        return name.regions
    before, after = around(sentence, mention)
    match = _BEFORE.search(before) or _PART_OF.search(before) or _AFTER.match(after)
    if match is None:
        return ()
    if match[1]:
        side = re.sub(r"[- ]", "", match[1].lower()) + "ern"
    else:
        side = _ADJECTIVE.get(match[2].lower(), match[2].lower())
    return (f"{side} {gazetteer().name(name.countries[0])}",)
