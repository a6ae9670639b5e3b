"""Names of places in running text: a sentence in, the names found and what each may mean out.

Three kinds of names are known: countries with their aliases and peoples, named areas (`places.yaml`
says in which countries they lie), and towns of 100,000 people and more, capitals and first-level
divisions. A town or division that several countries have means the one where far more people live,
and nothing where that is not clear; `Name.choices` keeps the others for a page that is about one
of them. The longest name wins ("South Africa" before "Africa", "New Mexico" before "Mexico").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from georeasoner.gazetteer import Gazetteer

TOWN_FROM = 100_000
"""People; smaller towns share their names with too many others."""
OTHER_NAMES_FROM = 1_000_000
"""People; the other names of smaller towns are rarely met and often words or other towns."""
OTHER_NAME_WEIGHT = 0.1
"""What another name counts for against the town whose own name it is."""
CLEAR = 3.0
"""How many times as many people must live in what a name means as in its namesake abroad."""
DIVISION_FROM = 30_000
"""People; many a smaller division is named after its town, a saint or a point of the compass."""
NEAR = 80
"""Characters before and after a name that can tell what it means."""

_WORD = re.compile(r"[^\W\d_]+(?:[.’'](?=[^\W\d_])[^\W\d_]+)*")
_POSSESSIVE = re.compile(r"[’']s$", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\s+(?:the\s+)?$", re.IGNORECASE)
_ELISION = re.compile(r"^[dl][’']")
_GAPS = frozenset({" ", "-", ". ", " & ", " (", ") "})
_INSIDE = frozenset({"of", "and", "the", "da", "de", "do", "dos", "del", "la", "y", "on", "upon"})
_LONGEST = 6
_DIVISION = re.compile(
    r"^(Respublika|Republic of|Provincia d[ei]|Estado d[eo]|Departamento de) | (Sheng|Shi|Krai|"
    r"Voivodeship|Prefecture|Province|Region|Governorate|District|County|Department|Parish|Oblast|"
    r"State|Division|Republic|Municipality|Autonomous Region|Zizhiqu|\w+ Zizhiqu)$"
)

Kind = Literal["country", "people", "area", "town"]


@dataclass(frozen=True)
class Name:
    """What a name means: countries, and the places within them, where it names such.

    `choices` has all meanings of a town's or division's name: country to (people, place).
    """

    key: str
    kind: Kind
    countries: tuple[str, ...]
    regions: tuple[str, ...] = ()
    choices: Mapping[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mention:
    """A name where it stands in a sentence; `plural` is a people's ("the Swedes")."""

    start: int
    end: int
    name: Name
    plural: bool = False


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer, loaded once in a process."""
    from georeasoner.gazetteer import Gazetteer

    return Gazetteer.load()


@cache
def phrases() -> dict[str, Any]:
    """`places.yaml`."""
    import yaml

    text = Path(__file__).with_name("places.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # "on" and "NO" are words
    return data


@cache
def any_of(*patterns: str) -> re.Pattern[str]:
    """One regular expression for all of these, of whole words, in either case."""
    return re.compile(rf"(?<!\w)({'|'.join(patterns)})(?!\w)", re.IGNORECASE)


def mentions_in(sentence: str, within: list[tuple[int, int]] | None = None) -> list[Mention]:
    """The names in a sentence, in its order, none overlapping.

    `within` are the spans (start, end) that somebody else took for places: only names inside them
    count, and then also those that are words.
    """
    words = list(_WORD.finditer(sentence))
    if within is not None:
        words = [w for w in words if any(a < w.end() and w.start() < b for a, b in within)]
    shouted = sum(w[0].isupper() for w in words) > 0.6 * len(words) and len(words) > 2
    found: list[Mention] = []
    at = 0
    while at < len(words):
        mention, used = _longest(sentence, words, at, shouted, within is not None)
        if mention:
            found.append(mention)
        at += used
    return found


@lru_cache(maxsize=64)
def without_names(sentence: str, *kinds: Kind) -> str:
    """A sentence with blanks for its names of these kinds (none given: of all)."""
    for mention in mentions_in(sentence):
        if not kinds or mention.name.kind in kinds:
            blank = " " * (mention.end - mention.start)
            sentence = sentence[: mention.start] + blank + sentence[mention.end :]
    return sentence


def _longest(
    sentence: str, words: list[re.Match[str]], at: int, shouted: bool, trusted: bool
) -> tuple[Mention | None, int]:
    if not _begins(words[at][0]):
        return None, 1
    for end in range(min(len(words), at + _LONGEST), at, -1):
        run = words[at:end]
        if any(sentence[a.end() : b.start()] not in _GAPS for a, b in pairwise(run)):
            continue
        last = _POSSESSIVE.sub("", run[-1][0])
        text = sentence[run[0].start() : run[-1].start()] + last
        name, plural = _look_up(text)
        if name and (trusted or _written_as_name(sentence, run, name, plural, shouted)):
            return Mention(run[0].start(), run[-1].start() + len(last), name, plural), len(run)
    return None, 1


@lru_cache(maxsize=65536)
def _begins(word: str) -> bool:
    """Whether any name begins with a word; most words are done with here."""
    from georeasoner.gazetteer.places import fold

    key = fold(_POSSESSIVE.sub("", word))
    return key == "st" or not {key, key.removesuffix("s")}.isdisjoint(_first_words())


@cache
def _first_words() -> frozenset[str]:
    return frozenset(key.partition(" ")[0] for key in names())


def _look_up(text: str) -> tuple[Name | None, bool]:
    """The name that a text is, and whether it is in the plural."""
    from georeasoner.gazetteer.places import fold

    if text[:4].lower() == "the ":
        return None, False
    key = re.sub(r"\bst\b", "saint", fold(text))
    if len(key) <= 3 and not (text.isupper() and key in _short()):
        return None, False
    if name := names().get(key):
        return name, False
    single = names().get(key[:-1]) if key.endswith("s") else None
    return (single, True) if single and single.kind == "people" else (None, False)


def _written_as_name(
    sentence: str, run: list[re.Match[str]], name: Name, plural: bool, shouted: bool
) -> bool:
    """Whether capitals, and for a name that is also a word the words before it, say name."""
    texts = [_ELISION.sub("", w[0]) for w in run]
    capitals = all(t[0].isupper() or t in _INSIDE for t in texts) and texts[-1][0].isupper()
    word = word_before(sentence, run[0].start()).lower()
    here = word in phrases()["prepositions"]
    if plural and name.key == "pole":  # "Poles" begins many a sentence about utility poles
        return capitals and sentence[: run[0].start()][-4:].lower() == "the "
    if shouted or not capitals:
        if name.kind not in ("country", "people") or not (shouted or "".join(texts).islower()):
            return False
        return here or name.key not in phrases()["lower_words"]
    return here or name.key not in phrases()["words"]


def word_before(sentence: str, at: int) -> str:
    """The word that stands directly before a place, leaving out "the"; "" for none."""
    match = _WORD_BEFORE.search(sentence, max(0, at - NEAR), at)
    return match[1] if match else ""


def around(sentence: str, mention: Mention) -> tuple[str, str]:
    """What stands near before and after a name."""
    start, end = mention.start, mention.end
    return sentence[max(0, start - NEAR) : start], sentence[end : end + NEAR]


@cache
def _short() -> frozenset[str]:
    return frozenset(s.casefold() for s in phrases()["short"])


@cache
def names() -> Mapping[str, Name]:
    """Every known name by its folded text: countries before areas, and areas before towns."""
    from georeasoner.gazetteer.places import fold

    found = {name.key: name for name in _towns_and_divisions()}
    data = phrases()
    for codes, areas in data["areas"].items():
        for area in areas:
            key = fold(area)
            regions = data["regions_of"].get(key, [area] if codes else [])
            found[key] = Name(key, "area", tuple(codes.split()), tuple(regions))
    places = {fold(alias) for alias in data["place_aliases"]}
    places |= {fold(gazetteer().name(code)) for code in gazetteer().countries()}
    codes_of = {k: c for k, c in gazetteer().country_names().items() if len(k) > 3 or k in _short()}
    for group in ("names", "people"):
        written = {fold(n): code for code, ns in data[group].items() for n in ns}
        codes_of |= written
        places |= set(written) if group == "names" else set()
    for key, code in codes_of.items():
        part = data["part_of_country"].get(key)
        kind: Kind = "country" if key in places else "people"
        found[key] = Name(key, kind, (code,), (part,) if part else ())
    return {name.key: name for name in _named_like(places)} | found


def _named_like(countries: set[str]) -> Iterator[Name]:
    """Towns of any size whose names begin with a country's: "Mali Lošinj", "Cuba City"."""
    from georeasoner.gazetteer.places import fold

    choices: dict[str, dict[str, tuple[float, str]]] = defaultdict(dict)
    for row in gazetteer().towns().select(["name", "country", "population"]).to_pylist():
        key = fold(row["name"])
        begins = (key[: match.start()] for match in re.finditer(" ", key))
        if not countries.isdisjoint(begins):
            people = max(row["population"], choices[key].get(row["country"], (0.0, ""))[0])
            choices[key][row["country"]] = (people, row["name"])
    return _meanings(choices)


def _towns_and_divisions() -> Iterator[Name]:
    """What the gazetteer's towns and their divisions are called, each with its clear meaning."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from georeasoner.gazetteer.places import fold

    choices: dict[str, dict[str, tuple[float, str]]] = defaultdict(dict)

    def add(name: str, country: str, people: float, label: str) -> None:
        key = fold(name)
        if len(key) > 3:
            before, first_label = choices[key].get(country, (0.0, label))
            choices[key][country] = (max(people, before), first_label)

    towns, capitals = gazetteer().towns(), gazetteer().capitals()
    is_capital = pc.is_in(towns["name"], pa.array(sorted(set(capitals.values()))))
    kept = pc.or_(pc.greater_equal(towns["population"], TOWN_FROM), is_capital)
    for row in towns.drop_columns(["others"]).filter(kept).to_pylist():
        if row["population"] >= TOWN_FROM or capitals.get(row["country"]) == row["name"]:
            add(row["name"], row["country"], row["population"], row["name"])
    generic = set(phrases()["generic"])
    divisions = towns.group_by(["admin1", "country"]).aggregate([("population", "sum")])
    for row in divisions.to_pylist():
        plain = _DIVISION.sub("", row["admin1"] or "")
        if row["population_sum"] >= DIVISION_FROM and not set(fold(plain).split()) <= generic:
            add(row["admin1"], row["country"], row["population_sum"], plain)
            add(plain, row["country"], row["population_sum"], plain)
    large = towns.filter(pc.greater_equal(towns["population"], OTHER_NAMES_FROM))
    for row in large.to_pylist():
        for other in row["others"]:
            add(other, row["country"], OTHER_NAME_WEIGHT * row["population"], row["name"])
    return _meanings(choices)


def _meanings(choices: Mapping[str, dict[str, tuple[float, str]]]) -> Iterator[Name]:
    """Names with the country where far more people live in what they mean, if one is clear."""
    for key, meant in choices.items():
        ranked = sorted(meant.items(), key=lambda item: (-item[1][0], item[0]))
        clear = len(ranked) == 1 or ranked[0][1][0] >= CLEAR * ranked[1][1][0]
        code, (_, label) = ranked[0]
        yield Name(key, "town", (code,) if clear else (), (label,) if clear else (), meant)
