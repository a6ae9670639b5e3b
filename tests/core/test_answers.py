"""The contract of answers: what is rendered is parsed again, and nothing makes the parser raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from georeasoner.answers import PROMPT, Answer, parse, position, render
from georeasoner.gazetteer import Gazetteer

GAZETTEER = Gazetteer.load()
JAPAN = Answer("JP", "Osaka", ("traffic keeps left", "kana lettering"))


def test_render_and_parse_are_inverse():
    text = render(JAPAN, GAZETTEER.name)
    assert text == (
        '{"reasons": "traffic keeps left; kana lettering", "country": "Japan", "city": "Osaka"}'
    )
    assert parse(text) == JAPAN
    precise = Answer("NO", "Oslo", ("snow",), 59.9, 10.7)
    assert parse(render(precise, GAZETTEER.name)) == precise


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"country": "Japan", "city": "Osaka"}\n```',
        'I think {the answer} is {"country": "JAPAN", "city": "Osaka",}. Sure.',
        "{'country': 'Japan', 'city': 'Osaka'}",
        '{"reasons": "kana", "country": "Japan", "city": "Osa',
        "Country: Japan\nCity: Osaka",
        '{"country": "JP", "city": " Osaka. "}',
        '{"country": "France"} no, rather {"country": "Japanese", "city": "Osaka"}',
    ],
)
def test_ways_of_saying_japan(text):
    answer = parse(text)
    assert answer.country == "JP"
    assert answer.city in ("Osaka", "Osa")


def test_what_is_no_answer():
    assert not parse("I cannot tell.").answered
    assert not parse('{"country": "unknown", "city": null}').answered
    assert not parse('{"lat": 95, "lon": "x"}').answered
    assert not parse(None).answered
    assert parse('{"lat": "48.5", "lon": 2}').lat == 48.5
    assert parse('{"country": ["Japan"], "reasons": ["a", "b"]}').reasons == ("a", "b")


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.text("{}[]\"',:\\ contryi"), st.binary(), st.integers()))
def test_parse_never_raises(text):
    assert isinstance(parse(text), Answer)


def test_deep_and_long_texts():
    assert not parse("[" * 100_000).answered
    assert not parse('{"a":' * 50_000).answered
    assert not parse('"' * 20_000 + "\\" * 20_000).answered


def test_positions():
    there, source = position(Answer("JP", "Osaka", lat=1.0, lon=2.0), GAZETTEER)
    assert (there.lat, there.lon, source) == (1.0, 2.0, "coordinates")
    there, source = position(JAPAN, GAZETTEER)
    assert (round(there.lat, 1), round(there.lon, 1), source) == (34.7, 135.5, "city")
    # there is no Osaka in Norway, so its largest city stands for the country
    there, source = position(Answer("NO", "Osaka"), GAZETTEER)
    assert (round(there.lat, 1), round(there.lon, 1), source) == (59.9, 10.7, "country")
    assert position(Answer(), GAZETTEER) == (None, None)
    assert position(Answer(city="Paris"), GAZETTEER)[1] == "city"


def test_the_prompt_is_short_and_says_nothing_of_the_place():
    assert len(PROMPT.split()) <= 26
    assert "reasons, country, city" in PROMPT
