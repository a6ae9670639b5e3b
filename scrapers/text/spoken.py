"""Which of the names in a sentence it speaks of; the words of the rules stand in `places.yaml`.

In: a sentence and the names in it. Out: those that it says something of, after these rules:

1. A language or script is no country: "Spanish text", "in Polish", "Russian is still used".
2. A country that is only compared with ("unlike Norway", "the same as in Japan"), ruled out ("but
   not in Brazil", "it cannot be Russia"), excepted ("every country but Iceland"; not "no country
   but Iceland"), bordered on, or an origin ("American-style", "used Japanese cars", "has French
   signs") is not spoken of, nor are those listed beside it.
3. Some count only where nothing else does: money ("Ecuador has US dollars"), what a thing is said
   to be ("the pole is French"), and "neither Ghana nor Togo has the taxis of Benin".
4. An area stands for its countries less the excepted ones, and for those of them that the sentence
   names where it is their adjective ("Baltic birches on Latvian hills") or they are picked out of
   it ("among the Baltic states only Latvia").
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from scrapers.text.names import Mention, any_of, around, phrases


def spoken_of(sentence: str, mentions: list[Mention]) -> list[Mention]:
    """The mentions of places that a sentence says something of, areas with the countries meant."""
    chains = _chains(sentence, mentions)
    excepted = _excepted(sentence, chains)
    compared = excepted | _compared(sentence, chains)
    out = _languages(sentence, chains) | compared | _origins(sentence, chains, compared)
    beside = (_beside(sentence, mentions) | _neither(sentence, chains)) - out
    if any(m.start not in out | beside for m in mentions):
        out |= beside
    spoken = [m for m in mentions if m.start not in out]
    without = {code for m in mentions if m.start in excepted for code in m.name.countries}
    return list(_narrowed(sentence, spoken, without))


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
    of_language = any_of(*phrases()["language_nouns"]).search(sentence)
    for chain in chains:
        if chain[-1].name.key not in phrases()["languages"] or chain[-1].plural:
            continue
        follows = _word_after(sentence, chain[-1])
        the = around(sentence, chain[0])[0].lower().endswith("the ")
        said = the or (_is_predicate(sentence, chain[0]) and not of_language)
        if follows in phrases()["language_nouns"] or (_alone(follows) and not said):
            out |= {m.start for m in chain if m.name.key in phrases()["languages"]}
    return out


def _word_after(sentence: str, mention: Mention) -> str:
    """The word that follows a name at once, "" where another sign does."""
    after = re.match(r"(?:-|\s+)(\w+)", around(sentence, mention)[1])
    return after[1].lower() if after else ""


def _alone(follows: str) -> bool:
    return not follows or follows in phrases()["alone"]


def _is_predicate(sentence: str, mention: Mention) -> bool:
    """Whether something is said to be, or to look, of a people: "the pole is French"."""
    if mention.name.kind != "people" or not _alone(_word_after(sentence, mention)):
        return False
    words = "|".join(phrases()["predicates"])
    before = around(sentence, mention)[0]
    return bool(re.search(rf"(?<!\w)({words})\s+$", before, re.IGNORECASE))


# -- comparisons -----------------------------------------------------------------------------------


def _compared(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions that a cue before them marks as compared with or ruled out."""
    out: set[int] = set()
    for cues, filler in (("far", None), ("near", "near_filler"), ("not", "not_filler")):
        between = "|".join(phrases()[filler]) if filler else None
        for match in any_of(*phrases()[f"cues_{cues}"]).finditer(sentence):
            chain = _reached(sentence, match.end(), chains, between)
            if chain:
                out |= {m.start for m in _of_the_cue(sentence, match.start(), chain)}
    return out


def _excepted(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions that are excepted, unless that says something of them.

    "All of Norway except Oslo", but "No country except Bhutan" and "Except for Bhutan, no country".
    """
    out: set[int] = set()
    for match in any_of(*phrases()["cues_except"]).finditer(sentence):
        before = sentence[: match.start()].strip() or sentence
        chain = _reached(sentence, match.end(), chains, None)
        if chain and not any_of(*phrases()["negations"]).search(before):
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


def _origins(sentence: str, chains: list[list[Mention]], compared: set[int]) -> set[int]:
    """Starts of the mentions that only say where a thing or a style is from, or a border."""
    hyphened, words = "|".join(phrases()["after_hyphen"]), "|".join(phrases()["after"])
    after = re.compile(rf"-({hyphened})\b|\s+({words})\b", re.IGNORECASE)
    out: set[int] = set()
    for before, chain, following in zip([None, *chains], chains, [*chains[1:], None], strict=False):
        if (
            after.match(sentence, chain[-1].end)
            or (before and (_has(sentence, before, chain) or _is_from(sentence, before, chain)))
            or (
                following
                and following[0].start not in compared
                and _is_in(sentence, chain, following)
            )
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


def _is_from(sentence: str, owner: list[Mention], thing: list[Mention]) -> bool:
    """ "Madagascar's taxis are old ones from France" """
    codes = {c for m in owner for c in m.name.countries}
    if not codes or codes & {c for m in thing for c in m.name.countries}:
        return False
    if re.search(r"\bfrom\s+(the\s+)?$", around(sentence, owner[0])[0]):  # "this is from Peru and"
        return False
    between = sentence[owner[-1].end : thing[0].start]
    verb = re.search(r"\b(is|are|was|were)\b.*\bfrom\s+(the\s+)?$", between)
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


def _neither(sentence: str, chains: list[list[Mention]]) -> set[int]:
    """Starts of the mentions of "neither Ghana nor Togo"."""
    neither = re.compile(r"\bneither\s+((in|on|at|the)\s+)*$", re.IGNORECASE)
    found = [c for c in chains if len(c) > 1 and neither.search(around(sentence, c[0])[0])]
    return {m.start for chain in found for m in chain}


@cache
def _clause_end() -> re.Pattern[str]:
    return re.compile(phrases()["clause_end"])


# -- areas of several countries --------------------------------------------------------------------


def _narrowed(sentence: str, spoken: list[Mention], without: set[str]) -> Iterator[Mention]:
    """The mentions, areas with those of their countries that are meant."""
    wide = {m.start for m in spoken if m.name.kind == "area" and len(m.name.countries) > 1}
    named = {c for m in spoken if m.start not in wide for c in m.name.countries}
    for last, mention in zip([None, *spoken], spoken, strict=False):
        if mention.start in wide:
            codes = [c for c in mention.name.countries if c not in without]
            if named & set(codes) and _is_picked_from(sentence, last, mention):
                codes = [c for c in codes if c in named]
            mention = replace(mention, name=replace(mention.name, countries=tuple(codes)))
        yield mention


def _is_picked_from(sentence: str, last: Mention | None, area: Mention) -> bool:
    """Whether an area only tells where the country lies that the sentence names too."""
    before, after = around(sentence, area)
    if last and last.name.kind == "people" and sentence[last.end : area.start] == " ":
        return True  # "Chilean Patagonia"
    noun = re.match(r"\s+(countr(y|ies)|(state|nation)s?)\b", after)
    if area.name.key in phrases()["area_adjectives"] and not noun:
        return True
    among = re.search(r"\b(among|amongst|of)\s+(all\s+)?(the\s+)?$", before, re.IGNORECASE)
    return bool(among and re.search(r"\b(only|just|alone)\b", sentence))
