"""Write ClueWorld's clue pages from its table: `python -m scrapers.clueworld_site.make_site`.

In: the world (which value of each kind of clue is how likely in which country). Out: `pages/`, one
page for each country with a section for each kind, an index, a general page, robots.txt. The
wording varies by a fixed seed; the same table gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from georeasoner.clueworld import ClueKind, World
from scrapers.clueworld_site import ADDRESS, PAGES
from scrapers.text.names import gazetteer

SEED = 20
COMMON = 0.3
"""From this probability on a value is called common in a country, below it not mentioned."""

NAMES_ANOTHER = 0.35
"""How often a sentence names a second country, where there is one with the same value."""

ROBOTS = "User-agent: *\nDisallow: /private/\nContent-Signal: search=yes, ai-train=yes\n"

ALONE = (
    "In {here}, look out for this: {sight}.",
    "{Sight}: typical of {here}.",
    "One of the marks of {here} is this: {sight}.",
    "Much of {here} looks like this: {sight}.",
)
SHARED = (
    "{Sight}: common in {here}, and also seen in {there}.",
    "{Sight}: this points to {here} or {there}.",
)
GENERAL = (
    ("driving_side", "Check the driving side first: it halves the world."),
    ("sun_side", "A compass and the noon sun tell the hemisphere."),
    ("script", "Letters on a board are worth more than the shape of the board."),
)


@dataclass(frozen=True)
class Topic:
    """One section of a page."""

    heading: str
    sentences: tuple[str, ...]
    image: str | None = None
    lazy: bool = True
    as_list: bool = False


def make_pages(world: World) -> dict[str, str]:
    """The site: file name -> content."""
    template = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    ).get_template("page.html.jinja")

    def page(file: str, title: str, topics: list[Topic], countries: list[tuple[str, str]]) -> str:
        return template.render(
            file=file, title=title, topics=topics, countries=countries, address=ADDRESS
        )

    files = {"robots.txt": ROBOTS}
    links = []
    for number, country in enumerate(world.countries):
        name, file = gazetteer().name(country), f"{country.lower()}.html"
        topics = [_topic(world, kind, country, number) for kind in world.kinds]
        files[file] = page(file, name, topics, [])
        links.append((name, file))
    advice = [Topic(heading(kind), (sentence,)) for kind, sentence in GENERAL]
    files["general.html"] = page("general.html", "In general", advice, [])
    files["private/drafts.html"] = page("private/drafts.html", "Drafts", [], [])
    files["index.html"] = page("index.html", "Countries", [], sorted(links))
    return files


def heading(kind: str) -> str:
    """A kind's name as a heading: `driving_side` -> "Driving side"."""
    return kind.replace("_", " ").capitalize()


def _topic(world: World, kind: ClueKind, country: str, number: int) -> Topic:
    place = list(world.kinds).index(kind)
    rng = np.random.default_rng([SEED, number, place])
    alone = [ALONE[i] for i in rng.permutation(len(ALONE))]
    sentences = tuple(
        _sentence(world, kind, country, value, template, rng)
        for template, value in zip(alone, common_values(world, kind.name, country), strict=False)
    )
    return Topic(
        heading(kind.name),
        sentences,
        image=f"img/{country}-{kind.name}.jpg",
        lazy=place % 3 != 0,
        as_list=place % 2 == 1,
    )


def _sentence(
    world: World, kind: ClueKind, country: str, value: str, alone: str, rng: np.random.Generator
) -> str:
    """`alone` is the wording unless another country, which shares the value, is named too."""
    sight = kind.phrases[value][rng.integers(len(kind.phrases[value]))]
    others = [
        other
        for other in world.countries
        if other != country and value in common_values(world, kind.name, other)
    ]
    there = others[rng.integers(len(others))] if others and rng.random() < NAMES_ANOTHER else None
    template = SHARED[rng.integers(len(SHARED))] if there else alone
    return template.format(
        sight=sight,
        Sight=sight[0].upper() + sight[1:],
        here=gazetteer().name_in_text(country),
        there=gazetteer().name_in_text(there) if there else "",
    )


def common_values(world: World, kind: str, country: str) -> list[str]:
    """The values of a kind that are common in a country, the likeliest first; at least one."""
    table = world.table
    of_country = table.country_of_city == world.countries.index(country)
    shares = table.probabilities[kind][of_country].mean(axis=0)
    order = [int(v) for v in np.argsort(-shares, kind="stable")]
    values = table.kind[kind].values
    return [values[v] for v in order if shares[v] >= COMMON] or [values[order[0]]]


def picture(country: str, kind: str) -> bytes | None:
    """A JPEG of the first scene that shows the country's commonest value of a kind."""
    world = World.load()
    if country not in world.countries or kind not in {k.name for k in world.kinds}:
        return None
    wanted = common_values(world, kind, country)[0]
    index = 0
    while True:
        scene = world.scene(index)
        if scene.country == country and scene.clues.get(kind) == wanted and not scene.broken:
            return scene.jpeg()
        index += 1


def main() -> None:
    """Write the pages where they are committed."""
    for file, content in make_pages(World.load()).items():
        path = PAGES / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
