"""Unicode CLDR (Unicode licence): languages, scripts, currencies, letters, prices, own names.

The functions take `Packages` and give {country: value}; languages are named in English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from scrapers.builtin.packages import Packages

VERSION = "48.2.0"
OFFICIAL = ("official", "de_facto_official")
_CURRENCY = "¤"
LETTERS = ("Ll", "Lo", "Lt", "Lu")  # without Lm, the apostrophes that count as letters
# Latin, Cyrillic and Arabic are shared by so many languages that single letters tell them apart.
SHARED_SCRIPTS = ("Latn", "Cyrl", "Arab")


def _core(packages: Packages, table: str) -> Any:
    content = packages.json(f"cldr-core-{VERSION}", f"package/supplemental/{table}.json")
    return content["supplemental"][table]


def _main(packages: Packages, package: str, locale: str, file: str) -> Any:
    content = packages.json(f"{package}-{VERSION}", f"package/main/{locale}/{file}.json")
    return content["main"][locale]


def fips_codes(packages: Packages) -> dict[str, str]:
    """FIPS 10 codes, as the World Factbook uses them, to ISO codes."""
    codes = _core(packages, "codeMappings")
    same = {c: c for c, facts in codes.items() if "_alpha3" in facts and "_fips10" not in facts}
    return same | {facts["_fips10"]: c for c, facts in codes.items() if "_fips10" in facts}


def official(packages: Packages, country: str) -> list[str]:
    """Language tags (`sr`, `sr_Latn`) official in a country, the most spoken first."""
    info = _core(packages, "territoryInfo").get(country, {}).get("languagePopulation", {})
    names = _language_names(packages)
    found = [
        tag
        for tag, facts in info.items()
        if facts.get("_officialStatus") in OFFICIAL and tag.split("_")[0] in names
    ]
    return sorted(found, key=lambda tag: -float(info[tag]["_populationPercent"]))


def language_name(packages: Packages, tag: str) -> str:
    """The English name of a language tag, without its script."""
    return _language_names(packages)[tag.split("_")[0]]


def _language_names(packages: Packages) -> dict[str, str]:
    names = _main(packages, "cldr-localenames-full", "en", "languages")
    return dict(names["localeDisplayNames"]["languages"])


def script_of(packages: Packages, tag: str, country: str) -> str:
    """The script that CLDR takes for a language in a country: Latn, Cyrl, Hans ..."""
    language, _, script = tag.partition("_")
    if script:
        return script
    likely = _core(packages, "likelySubtags")
    full = likely.get(f"{language}-{country}") or likely.get(language, f"{language}-Latn-ZZ")
    return str(full).split("-")[1]


def languages(packages: Packages) -> dict[str, list[str]]:
    """Official languages by country, the most spoken first."""
    found = {}
    for country in _core(packages, "territoryInfo"):
        names = [language_name(packages, tag) for tag in official(packages, country)]
        if names:
            found[country] = list(dict.fromkeys(names))
    return found


def scripts(packages: Packages) -> dict[str, list[str]]:
    """Scripts of the official languages by country, as English names."""
    english = _main(packages, "cldr-localenames-full", "en", "scripts")
    names = english["localeDisplayNames"]["scripts"]
    found = {}
    for country in _core(packages, "territoryInfo"):
        codes = [script_of(packages, tag, country) for tag in official(packages, country)]
        if codes:
            found[country] = [names[code] for code in dict.fromkeys(codes)]
    return found


def locale_of(packages: Packages, tag: str, country: str) -> str | None:
    """The locale whose data stand for a language in a country (`de-CH`, `pl`), None if none does.

    A language without a folder for the country counts where the country is the one that CLDR
    takes for it.
    """
    language, _, script = tag.partition("_")
    names = [f"{language}-{script}-{country}", f"{language}-{script}"] if script else []
    root = packages.file(f"cldr-numbers-full-{VERSION}", "package/main")
    for name in [*names, f"{language}-{country}"]:
        if (root / name).is_dir():
            return name
    likely = _core(packages, "likelySubtags").get(language, "")
    return language if likely.endswith(f"-{country}") and (root / language).is_dir() else None


def currencies(packages: Packages) -> dict[str, str]:
    """The one currency that is legal tender in a country; those with several are left out."""
    found = {}
    for country, periods in _core(packages, "currencyData")["region"].items():
        now = [
            code
            for period in periods
            for code, facts in period.items()
            if "_to" not in facts and facts.get("_tender") != "false"
        ]
        if len(now) == 1:
            found[country] = now[0]
    return found


def currency_name(packages: Packages, code: str) -> str:
    """The English name of a currency in the plural: "Kenyan shillings"."""
    facts = _main(packages, "cldr-numbers-full", "en", "currencies")["numbers"]["currencies"][code]
    return str(facts.get("displayName-count-other", facts["displayName"]))


def currency_symbol(packages: Packages, code: str, country: str) -> str | None:
    """What the country's main language writes for its currency, None where that is the code."""
    for tag in official(packages, country):
        locale = locale_of(packages, tag, country)
        if locale is None or script_of(packages, tag, country) == "Arab":
            continue
        facts = _main(packages, "cldr-numbers-full", locale, "currencies")["numbers"]["currencies"]
        symbol = facts.get(code, {}).get("symbol", code)
        return None if symbol == code else _plain(symbol)
    return None


def prices(packages: Packages) -> dict[str, tuple[str, str, str]]:
    """(example, decimal sign, language) of a price of 1,234.50 in a country's main language."""
    found = {}
    for country, code in currencies(packages).items():
        for tag in official(packages, country)[:1]:
            locale = locale_of(packages, tag, country)
            if locale is None:
                continue
            numbers = _main(packages, "cldr-numbers-full", locale, "numbers")["numbers"]
            if numbers["defaultNumberingSystem"] != "latn":
                continue
            symbols = numbers["symbols-numberSystem-latn"]
            pattern = numbers["currencyFormats-numberSystem-latn"]["standard"].split(";")[0]
            amount = f"1{symbols['group']}234{symbols['decimal']}50"
            symbol = currency_symbol(packages, code, country) or code
            example = re.sub(r"[#0,.]+", amount, pattern).replace(_CURRENCY, symbol)
            sign = {",": "comma", ".": "point"}.get(symbols["decimal"])
            if sign:
                found[country] = (_plain(example), sign, language_name(packages, tag))
    return found


def letters_of(packages: Packages, tag: str) -> set[str]:
    """The letters that a language's alphabet is written with, lower case."""
    facts = _main(packages, "cldr-misc-full", tag.replace("_", "-"), "characters")
    return set(_expand(facts["characters"]["exemplarCharacters"]))


def letters(packages: Packages) -> dict[str, tuple[str, str]]:
    """(language, its rarest letters) of each country's main language.

    Rare are letters that at most a quarter of the official languages of the same script share; up
    to six, the rarest first. Languages without any are left out.
    """
    users = _users_of_letters(packages)
    found = {}
    for country in _core(packages, "territoryInfo"):
        for tag in official(packages, country)[:1]:
            script = script_of(packages, tag, country)
            if script not in SHARED_SCRIPTS or not _has_letters(packages, tag):
                continue
            of_script = users[script]
            own = [
                (len(of_script[letter]), letter)
                for letter in letters_of(packages, tag)
                if len(of_script[letter]) <= len(set().union(*of_script.values())) / 4
            ]
            if own:
                rare = [letter for _, letter in sorted(own)[:6]]
                found[country] = (language_name(packages, tag), " ".join(rare))
    return found


def _users_of_letters(packages: Packages) -> dict[str, dict[str, set[str]]]:
    """Official languages by script and letter."""
    users: dict[str, dict[str, set[str]]] = {script: {} for script in SHARED_SCRIPTS}
    for country in _core(packages, "territoryInfo"):
        for tag in official(packages, country):
            script = script_of(packages, tag, country)
            if script in users and _has_letters(packages, tag):
                for letter in letters_of(packages, tag):
                    users[script].setdefault(letter, set()).add(tag)
    return users


def _has_letters(packages: Packages, tag: str) -> bool:
    root = packages.file(f"cldr-misc-full-{VERSION}", "package/main")
    return (root / tag.replace("_", "-") / "characters.json").is_file()


def _expand(pattern: str) -> Iterator[str]:
    """The members of a set such as `[a ą b {ch} а-п]`, single characters only."""
    body = re.sub(r"\{[^}]*\}", " ", pattern.strip("[]")).replace("\\", "")
    for first, last in re.findall(r"(\S)-(\S)", body):
        yield from map(chr, range(ord(first), ord(last) + 1))
    yield from (c for c in re.sub(r"\S-\S", " ", body) if unicodedata.category(c) in LETTERS)


def own_names(packages: Packages) -> dict[str, list[tuple[str, str]]]:
    """[(language, the country's name in it)] for its official languages, the most spoken first."""
    found = {}
    for country in _core(packages, "territoryInfo"):
        pairs = []
        for tag in official(packages, country):
            name = _territory(packages, tag.replace("_", "-"), country)
            if name:
                pairs.append((language_name(packages, tag), name))
        found[country] = pairs
    return found


def english_name(packages: Packages, country: str) -> str | None:
    """The country's name in English."""
    return _territory(packages, "en", country)


@cache
def _territories(packages: Packages, locale: str) -> dict[str, str]:
    root = packages.file(f"cldr-localenames-full-{VERSION}", "package/main")
    if not (root / locale / "territories.json").is_file():
        return {}
    facts = _main(packages, "cldr-localenames-full", locale, "territories")
    return dict(facts["localeDisplayNames"]["territories"])


def _territory(packages: Packages, locale: str, country: str) -> str | None:
    name = _territories(packages, locale).get(country)
    return None if name in (None, country) else name


def _plain(text: str) -> str:
    """Without invisible marks, and with ordinary spaces."""
    kept = (" " if c in "\u00a0\u202f" else c for c in text if unicodedata.category(c) != "Cf")
    return "".join(kept).strip()
