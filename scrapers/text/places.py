"""Which places a sentence speaks of.

In: a sentence, and what its page is about. Out: ISO codes and regions (cities, divisions, named
areas, "northern Italy"), in the order of the sentence. Names come from `scrapers.text.names` or
from a tagger; the rules after that are the same, and their words stand in `places.yaml`:

1. Things and people named after places ("Panama hat", "Jordan Smith") are no places.
2. A language or script is no country: "Spanish text", "in Polish", "Russian is still used".
3. A country that is only compared with ("unlike Norway", "the same as in Japan"), ruled out ("but
   not in Brazil", "it cannot be Russia"), bordered on, or an origin ("American-style", "used
   Japanese cars", "has French signs") is not spoken of, nor are those listed beside it; nor is
   one that only names the money of another ("Ecuador has US dollars").
4. "Paris, Texas" is in Texas; Georgia is the state where the sentence or the page speaks of the
   United States; a town's name that several countries have means the page's, else that of another
   place in the sentence, else the one where far more people live.
5. "the south of France", "Peru's northern coast" and "coastal Peru" are regions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest

from scrapers.text.names import NEAR, Mention, Name, gazetteer, mentions_in, phrases
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
    chains = _chains(sentence, mentions)
    out = _languages(sentence, chains) | _compared(sentence, chains) | _origins(sentence, chains)
    beside = _beside(sentence, mentions) - out
    if any(m.start not in out | beside for m in mentions):
        out |= beside
    spoken = [m for m in mentions if m.start not in out]
    return Places(
        tuple(dict.fromkeys(code for m in spoken for code in m.name.countries)),
        tuple(dict.fromkeys(r for m in spoken for r in _regions(sentence, m))),
    )


# -- names that are no places ----------------------------------------------------------------------


def _around(sentence: str, mention: Mention) -> tuple[str, str]:
    """What stands near before and after a name."""
    start, end = mention.start, mention.end
    return sentence[max(0, start - NEAR) : start], sentence[end : end + NEAR]


def _without_things(sentence: str, mentions: Iterable[Mention]) -> Iterator[Mention]:
    things = [match.span() for match in _any(tuple(phrases()["idioms"])).finditer(sentence)]
    for mention in mentions:
        inside = any(a <= mention.start < b or a < mention.end <= b for a, b in things)
        if not inside and not _is_person(sentence, mention):
            yield mention


def _is_person(sentence: str, mention: Mention) -> bool:
    before, after = _around(sentence, mention)
    word = re.search(r"(\w+)\.?\s+$", before)
    if word and word[1] in phrases()["first_names"]:
        return True
    if mention.name.key not in phrases()["also_first_names"]:
        return False
    surname = re.match(r"\s+([A-Z][a-z]+)\b", after)
    credit = re.search(rf"\b{phrases()['credits']}\s+$", before, re.IGNORECASE)
    return bool((surname and category_of(surname[1]) is None) or credit)  # no "Chad Bollards"


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
    """The state of Georgia, where the page or the sentence is about the United States."""
    code = phrases()["also_division"].get(mention.name.key)
    if code is None or set(mention.name.countries) & set(page):
        return None
    if code in page or code in named or _around(sentence, mention)[0].endswith("state of "):
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


# -- lists -----------------------------------------------------------------------------------------


def _chains(sentence: str, mentions: list[Mention]) -> list[list[Mention]]:
    """Mentions that stand in one list ("Estonia, Latvia and the Lithuanian coast"), together."""
    chains: list[list[Mention]] = []
    for mention in mentions:
        last = chains[-1][-1] if chains else None
        if last and _joined().fullmatch(sentence[last.end : mention.start]):
            chains[-1].append(mention)
        else:
            chains.append([mention])
    return chains


@cache
def _joined() -> re.Pattern[str]:
    between = "|".join(phrases()["list_filler"])
    return re.compile(
        rf"([’']s?)?({phrases()['joined'].strip()})(\s*\b({between})\b)*\s*", re.IGNORECASE
    )


# -- languages -------------------------------------------------------------------------------------


def _languages(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions that are languages."""
    out = set()
    of_language = _any(tuple(phrases()["language_nouns"])).search(sentence)
    for chain in chains:
        if chain[-1].name.key not in phrases()["languages"] or chain[-1].plural:
            continue
        follows = _word_after(sentence, chain[-1])
        the = _around(sentence, chain[0])[0].lower().endswith("the ")
        said = the or (_is_predicate(sentence, chain[0]) and not of_language)
        if follows in phrases()["language_nouns"] or (_alone(follows) and not said):
            out |= {m.start for m in chain if m.name.key in phrases()["languages"]}
    return out


def _word_after(sentence: str, mention: Mention) -> str:
    """The word that follows a name at once, "" where another sign does."""
    after = re.match(r"(?:-|\s+)(\w+)", _around(sentence, mention)[1])
    return after[1].lower() if after else ""


def _alone(follows: str) -> bool:
    return not follows or follows in phrases()["alone"]


def _is_predicate(sentence: str, mention: Mention) -> bool:
    """Whether something is said to be, or to look, of a people: "the pole is French"."""
    if mention.name.kind != "people" or not _alone(_word_after(sentence, mention)):
        return False
    words = "|".join(phrases()["predicates"])
    before = _around(sentence, mention)[0]
    return bool(re.search(rf"(?<!\w)({words})\s+$", before, re.IGNORECASE))


# -- comparisons -----------------------------------------------------------------------------------


def _compared(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions that a cue before them marks as compared with or ruled out."""
    out: set[int] = set()
    for cues, filler in (("far", None), ("near", "near_filler"), ("not", "not_filler")):
        between = "|".join(phrases()[filler]) if filler else None
        for match in _any(tuple(phrases()[f"cues_{cues}"])).finditer(sentence):
            chain = _reached(sentence, match.end(), chains, between)
            if chain:
                out |= {m.start for m in _of_the_cue(sentence, match.start(), chain)}
    return out


def _reached(
    sentence: str, at: int, chains: list[list[Mention]], filler: str | None
) -> list[Mention] | None:
    """The list of names after a cue, from the first one on, if it stands in the cue's clause."""
    first = bisect_left(chains, at, key=lambda chain: chain[-1].start)
    if first == len(chains):
        return None
    rest = [m for m in chains[first] if m.start >= at]
    between = sentence[at : rest[0].start]
    if filler is not None:
        return rest if re.fullmatch(rf"\s*(({filler})\s+)*", between, re.IGNORECASE) else None
    return None if _clause_end().search(between) else rest


def _of_the_cue(sentence: str, cue_at: int, chain: list[Mention]) -> list[Mention]:
    """Which names of the list belong to a cue.

    "Unlike Norway and Sweden, Finland ...": up to the comma after the "and"; "Unlike Norway, Sweden
    and Finland have ...": only the first. A cue in the middle of a sentence has the whole list.
    """
    if sentence[:cue_at].strip():
        return chain
    for at, mention in enumerate(chain[1:], 1):
        if re.search(r"\b(and|or)\b", sentence[chain[at - 1].end : mention.start]):
            return chain[: at + 1] if sentence.startswith(",", mention.end) else chain[:1]
    return chain[:1]


def _origins(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions that only say where a thing or a style is from, or a border."""
    hyphened, words = "|".join(phrases()["after_hyphen"]), "|".join(phrases()["after"])
    after = re.compile(rf"-({hyphened})\b|\s+({words})\b", re.IGNORECASE)
    out: set[int] = set()
    for before, chain, following in zip([None, *chains], chains, [*chains[1:], None], strict=False):
        if (
            after.match(sentence, chain[-1].end)
            or (before and _has(sentence, before, chain))
            or (following and _is_in(sentence, chain, following))
        ):
            out |= {m.start for m in chain}
    return out


def _has(sentence: str, owner: list[Mention], thing: list[Mention]) -> bool:
    """ "Peru has Chilean signs" """
    if owner[-1].name.kind == "people" or thing[0].name.kind != "people" or thing[0].plural:
        return False
    between = sentence[owner[-1].end : thing[0].start]
    verb = re.search(r"\b(has|have|had|use|uses|used|with|of)\b", between)
    return bool(verb) and not _clause_end().search(between)


def _is_in(sentence: str, thing: list[Mention], place: list[Mention]) -> bool:
    """ "Swiss plates are common in Liechtenstein" """
    if thing[-1].name.kind != "people" or place[0].name.kind == "people":
        return False
    if {c for m in thing for c in m.name.countries} & {c for m in place for c in m.name.countries}:
        return False
    between = sentence[thing[-1].end : place[0].start]
    there = re.search(r"\b(in|on|of)\s+(the\s+)?$", between)
    return bool(there) and not re.search(rf"{phrases()['clause_end']}|\balso\b", between)


def _beside(sentence: str, mentions: list[Mention]) -> set[int]:
    """Starts of the mentions that count only where nothing else does: money, and predicates."""
    money = re.compile(rf"\s+({'|'.join(phrases()['currencies'])})\b", re.IGNORECASE)
    return {m.start for m in mentions if money.match(sentence, m.end) or _is_predicate(sentence, m)}


@cache
def _clause_end() -> re.Pattern[str]:
    return re.compile(phrases()["clause_end"])


@cache
def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for all of them, of whole words."""
    return re.compile(rf"(?<!\w)({'|'.join(patterns)})(?!\w)", re.IGNORECASE)


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
    before, after = _around(sentence, mention)
    match = _BEFORE.search(before) or _PART_OF.search(before) or _AFTER.match(after)
    if match is None:
        return ()
    if match[1]:
        side = re.sub(r"[- ]", "", match[1].lower()) + "ern"
    else:
        side = _ADJECTIVE.get(match[2].lower(), match[2].lower())
    return (f"{side} {gazetteer().name(name.countries[0])}",)
