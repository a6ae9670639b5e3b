"""Names and addresses of licences: a full match with a closed list, and doubt is never open."""

from __future__ import annotations

import pytest

from builders.licences import redistributable
from georeasoner.licences import UNKNOWN, Terms, licence, stated
from scrapers.fetch.rights import is_open

FREE, CREDIT, SHARE_ALIKE, RESTRICTED = list(Terms)[:4]
CC = "https://creativecommons.org/"

KNOWN = [
    ("CC0", "CC0-1.0", FREE),
    ("cc0-1.0", "CC0-1.0", FREE),
    ("CC0 1.0 Universal", "CC0-1.0", FREE),
    ("Creative Commons Zero v1.0 Universal", "CC0-1.0", FREE),
    (CC + "publicdomain/zero/1.0/", "CC0-1.0", FREE),
    (CC + "publicdomain/zero/1.0/deed.en", "CC0-1.0", FREE),
    (CC + "publicdomain/mark/1.0/", "Public domain", FREE),
    ("Public Domain", "Public domain", FREE),
    ("Public Domain Mark 1.0", "Public domain", FREE),
    ("PDDL", "PDDL-1.0", FREE),
    ("https://opendatacommons.org/licenses/pddl/1-0/", "PDDL-1.0", FREE),
    ("CC BY", "CC-BY", CREDIT),
    ("CC\u00a0BY 4.0", "CC-BY-4.0", CREDIT),
    ("CC\u2011BY\u20114.0", "CC-BY-4.0", CREDIT),
    ("CC BY 3.0 DE", "CC-BY-3.0-DE", CREDIT),
    ("CC BY 3.0 IGO", "CC-BY-3.0-IGO", CREDIT),
    ("Creative Commons Attribution", "CC-BY", CREDIT),
    ("Creative Commons Attribution 4.0", "CC-BY-4.0", CREDIT),
    ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0", CREDIT),
    ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0", CREDIT),
    (CC + "licenses/by/4.0/", "CC-BY-4.0", CREDIT),
    ("//www.creativecommons.org/licenses/by/4.0", "CC-BY-4.0", CREDIT),
    (CC + "licenses/by/4.0/?ref=chooser-v1", "CC-BY-4.0", CREDIT),
    ("http://creativecommons.org/licenses/by/3.0/de/deed.de", "CC-BY-3.0-DE", CREDIT),
    (CC + "licenses/by/4.0/legalcode", "CC-BY-4.0", CREDIT),
    ("https://spdx.org/licenses/CC-BY-4.0.html", "CC-BY-4.0", CREDIT),
    ("Etalab-2.0", "etalab-2.0", CREDIT),
    ("Licence Ouverte / Open Licence version 2.0", "etalab-2.0", CREDIT),
    ("Licence Ouverte", "etalab", CREDIT),
    ("MIT", "MIT", CREDIT),
    ("Apache License 2.0", "Apache-2.0", CREDIT),
    ("ODC-By 1.0", "ODC-By-1.0", CREDIT),
    ("CC-BY-SA-4.0", "CC-BY-SA-4.0", SHARE_ALIKE),
    ("CC BY/SA", "CC-BY-SA", SHARE_ALIKE),
    ("Creative Commons Attribution-Share Alike 3.0 Unported", "CC-BY-SA-3.0", SHARE_ALIKE),
    (CC + "licenses/by-sa/4.0/deed.en", "CC-BY-SA-4.0", SHARE_ALIKE),
    ("ODbL", "ODbL-1.0", SHARE_ALIKE),
    ("Open Database License", "ODbL-1.0", SHARE_ALIKE),
    ("CC BY-NC 4.0", "CC-BY-NC-4.0", RESTRICTED),
    ("CC BY\u2011NC 4.0", "CC-BY-NC-4.0", RESTRICTED),
    ("CC BY\u00a0NC 4.0", "CC-BY-NC-4.0", RESTRICTED),
    ("CC BY \u2013 NC", "CC-BY-NC", RESTRICTED),
    ("CC BY/NC", "CC-BY-NC", RESTRICTED),
    ("CC BY-SA-NC", "CC-BY-NC-SA", RESTRICTED),
    ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0", RESTRICTED),
    ("Creative Commons Attribution-NonCommercial-NoDerivs 2.0 Generic", "CC-BY-NC-ND-2.0",
     RESTRICTED),
    (CC + "licenses/by-nc-nd/2.5/", "CC-BY-NC-ND-2.5", RESTRICTED),
    ("Creative Commons", None, RESTRICTED),
]  # fmt: skip
DOUBTFUL = [
    "CC BY 4.0 NC",
    "CC-BY-2.0-NC",
    "CC BY 2.0 ND",
    "CC BY (NC)",
    "CC BY (CC BY-NC)",
    "CC BY 4.0, non-commercial",
    "CC BY and CC BY-NC",
    "CC BY, but ask first",
    "CC BY\u200bNC",
    "CC BY 4.0; pictures all rights reserved",
    "CC BY 5.0",
    "CC BY-ND-SA 4.0",
    "Public domain in Canada, all rights reserved elsewhere",
    "PD-US",
    "not public domain",
    "CCTV footage",
    "All rights reserved",
    "MIT (code)",
    "Creative Commons (with exceptions)",
    CC + "licenses/by/4.0/more",
    "https://creativecommons.org.example/licenses/by/4.0/",
    "https://a.example/?https://creativecommons.org/licenses/by/4.0/",
    CC,
    "-",
    "",
    None,
]


@pytest.mark.parametrize(("text", "id", "terms"), KNOWN)
def test_known_licences(text: str, id: str, terms: Terms) -> None:
    found = licence(text)
    assert (found.id, found.terms) == (id, terms)
    assert is_open(text) is (terms < RESTRICTED) and redistributable(text)


@pytest.mark.parametrize("text", DOUBTFUL)
def test_doubt_allows_nothing(text: str | None) -> None:
    assert licence(text) == UNKNOWN
    assert not is_open(text) and not redistributable(text)


def test_an_id_has_a_name_that_says_the_same() -> None:
    for text, id, _ in KNOWN:
        assert id is None or licence(licence(text).name) == licence(text) == licence(id)
    names = [licence(i).name for i in ("CC0-1.0", "CC-BY", "CC-BY-SA-3.0-DE", "ODbL-1.0")]
    assert names == ["CC0 1.0", "CC BY", "CC BY-SA 3.0 DE", "ODbL-1.0"]


@pytest.mark.parametrize(
    ("words", "href", "said"),
    [
        ("this licence", CC + "licenses/by/4.0/", "CC BY 4.0"),
        ("", CC + "licenses/by-nc/4.0/", "CC BY-NC 4.0"),
        ("Creative Commons License", CC + "licenses/by/4.0/", "CC BY 4.0"),
        ("Some rights reserved", CC + "licenses/by-sa/2.0/", "CC BY-SA 2.0"),
        ("CC BY 4.0", CC + "licenses/by-nc/4.0/", "CC BY-NC 4.0"),  # the stricter, both ways
        ("CC BY-NC 4.0", CC + "licenses/by/4.0/", "CC BY-NC 4.0"),
        ("CC BY, non-commercial use only", CC + "licenses/by/4.0/",
         "CC BY, non-commercial use only"),
        ("All rights reserved", CC + "publicdomain/zero/1.0/", "All rights reserved"),
        ("CC-BY-4.0", "/about", "CC-BY-4.0"),
        ("CC BY 4.0", CC + "licenses/by-nc/9.0/", CC + "licenses/by-nc/9.0/"),
        ("Terms", "/terms", "Terms"),
        ("", "/terms", "/terms"),
        ("", "", None),
    ],
)  # fmt: skip
def test_a_link_to_a_licence(words: str, href: str, said: str | None) -> None:
    assert stated(words, href) == said
