"""Countries named in a sentence."""

from __future__ import annotations

import pytest

from scrapers.text.places import countries_in


@pytest.mark.parametrize(
    ("sentence", "countries"),
    [
        ("In Japan traffic keeps to the left.", ("JP",)),
        ("Common in Japan, and also seen in the United States.", ("JP", "US")),
        ("South Africa and Kenya share it; South Africa more so.", ("ZA", "KE")),
        ("UK plates are yellow.", ("GB",)),
        ("In no place. No. Can it be? It can.", ()),
        ("Norwegian and Sri Lankan buses", ("NO", "LK")),
        ("Bosnia and Herzegovina has many.", ("BA",)),
        ("Latin letters on a White board", ()),
        ("", ()),
    ],
)
def test_countries_in_the_order_of_the_sentence(sentence: str, countries: tuple[str, ...]) -> None:
    assert countries_in(sentence) == countries
