"""Conversations: reasons from matched clues, guesses by naive Bayes, the shuffled control."""

from __future__ import annotations

import json

import numpy as np
import pytest

from finetune.conversations import (
    Evidence,
    LabelledView,
    Match,
    clues_of_own_country,
    conversations,
    labelled_views,
    proper_words,
    shuffle_labels,
    sight,
)
from finetune.recipe import Reasons
from georeasoner.answers import parse
from georeasoner.gazetteer import Gazetteer
from scoring.locatability import class_names

LEFT = Match("traffic keeps left", "side", 0.9)
RIGHT = Match("traffic keeps right", "side", 0.9)
RED = Match("red soil", "soil", 0.8)
SAND = Match("pale sand", "soil", 0.8)


def view(name, country, *matches):
    return LabelledView(name, country, None, matches)


def test_evidence_by_hand():
    # two countries, equally frequent; left: JP 3, FR 0; right: JP 0, FR 3
    views = [view(f"j{i}", "JP", LEFT) for i in range(3)]
    views += [view(f"f{i}", "FR", RIGHT, RED) for i in range(3)]
    evidence = Evidence(views)
    assert evidence.countries == ["FR", "JP"]
    assert evidence.guesses([LEFT], running=True) == ["JP"]
    # P(left|JP) = 3.5/4 and P(left|FR) = 0.5/4, so left speaks 7 : 1 for JP. Red soil was seen in
    # FR alone, and as the only soil it says nothing there: (3.5/3.5) : (0.5/0.5)
    assert evidence.guesses([LEFT, RED], running=True) == ["JP", "JP"]
    views += [view("j3", "JP", LEFT, SAND), view("f3", "FR", RIGHT, RED)]
    # now red soil is 4.5/5 in FR and 0.5/2 in JP: 3.6 : 1 for FR; alone it says FR, after left JP
    evidence = Evidence(views)
    assert evidence.guesses([LEFT, RED], running=True) == ["JP", "JP"]
    assert evidence.guesses([LEFT, RED], running=False) == ["JP", "FR"]


def test_the_best_match_of_each_category_counts():
    rows = [{"view_id": "a", "country": "JP", "city": "Tokyo"}, {"view_id": "b", "country": None}]
    clues = {
        "1": {"text": "Red soil: typical of Kenya.", "category": "soil"},
        "2": {"text": "In Egypt, look out for this: pale sand.", "category": "soil"},
        "3": {"text": "Traffic keeps left.", "category": "side"},
    }
    top = {
        "a": [
            {"clue_id": "1", "similarity": 0.5},
            {"clue_id": "2", "similarity": 0.7},
            {"clue_id": "3", "similarity": 0.2},
            {"clue_id": "gone", "similarity": 0.9},
        ]
    }
    made = labelled_views(rows, top, clues, Reasons(min_similarity=0.3))
    assert made == [LabelledView("a", "JP", "Tokyo", (Match("pale sand", "soil", 0.7),))]


def test_a_reason_never_names_a_country_that_the_clue_says_nothing_of():
    """What cannot be told apart from its country is left to views of that country."""
    clues = {"1": {"text": "Kenyan soil is red.", "category": "soil", "countries": ["KE"]}}
    rows = [{"view_id": c, "country": c, "city": None} for c in ("KE", "JP")]
    top = {c: [{"clue_id": "1", "similarity": 0.5}] for c in ("KE", "JP")}
    made = labelled_views(rows, top, clues, Reasons())
    assert [[m.text for m in v.matches] for v in made] == [["Kenyan soil is red"], []]


def test_clues_of_the_own_country_need_their_classes_in_the_picture():
    def clue(category, countries, *classes):
        return {"category": category, "countries": countries, "ade20k_classes": list(classes)}

    clues = {
        "soil": clue("soil", ["KE", "TZ"], "earth, ground"),
        "pole": clue("pole", ["KE"], "pole"),
        "elsewhere": clue("soil", ["PE"], "earth, ground"),
        "bare": clue("domain", ["KE"]),
        "again": clue("soil", ["KE"], "earth, ground", "road, route"),
    }
    views = [{"view_id": f"v{i}", "country": "KE"} for i in range(40)]
    views += [{"view_id": "x", "country": None}, {"view_id": "y", "country": "KE"}]
    shares = np.zeros(150)
    names = class_names()
    shares[names.index("earth, ground")], shares[names.index("road, route")] = 0.25, 0.5
    shares[names.index("pole")] = 0.009
    seen = {v["view_id"]: shares for v in views[:-1]} | {"y": None}
    found = clues_of_own_country(views, seen, clues, min_share=0.01)
    assert found["x"] == found["y"] == []
    drawn = [found[f"v{i}"] for i in range(40)]
    assert {len(clues) for clues in drawn} == {1}  # the pole is too small
    assert {(c["clue_id"], c["similarity"]) for (c,) in drawn} == {("soil", 0.25), ("again", 0.75)}
    assert found == clues_of_own_country(views, seen, clues, min_share=0.01)
    assert {c["clue_id"] for c in clues_of_own_country(views, seen, clues, 0.005)["v0"]} >= {"pole"}


def test_the_sight_is_what_names_no_country():
    assert sight("Dashed white centre line: common in France, and also seen in Germany.") == (
        "dashed white centre line"
    )
    assert sight("Chilean poles have holes.") == "Chilean poles have holes"
    assert sight("Mind this: red soil.") == "Mind this: red soil"
    proper = proper_words(["Board in Latin letters: typical of Peru.", "Red soil: seen in Kenya."])
    assert proper == {"Latin", "Peru", "Kenya"}
    assert sight("Latin lettering: common in Peru.", proper) == "Latin lettering"
    assert sight("Red soil: typical of Kenya.", proper) == "red soil"


def test_completions_are_answers():
    views = [
        LabelledView("a", "JP", "Tokyo", (LEFT, RED)),
        LabelledView("b", "FR", "Paris", ()),
        LabelledView("c", "FR", "Lyon", (RIGHT,)),
    ]
    gazetteer = Gazetteer.load()
    reasons = Reasons(guess="running")
    reasoning = conversations(views, "reasoning", reasons, gazetteer)
    assert [c.view_id for c in reasoning] == ["a", "c"]
    answer = parse(reasoning[0].completion)
    assert (answer.country, answer.city) == ("JP", None)
    assert answer.reasons == ("traffic keeps left (Japan)", "red soil (Japan)")
    whole = conversations(views, "location", reasons, gazetteer)
    assert [c.given for c in whole] == [""] * 3
    reasons = Reasons(guess="running", given_share=1.0)
    location = conversations(views, "location", reasons, gazetteer)
    assert [parse(c.given + c.completion).city for c in location] == ["Tokyo", "Paris", "Lyon"]
    assert location[1].given == '{"reasons": "no clues'
    assert location[1].completion == '", "country": "France", "city": "Paris"}'
    whole = json.loads(location[0].given + location[0].completion)
    assert list(whole) == ["reasons", "country", "city"]
    assert reasoning[0].given == ""
    assert "Japan" not in location[0].prompt


def test_shuffling_permutes_country_and_city_together():
    views = [LabelledView(str(i), c, c + "-city", (LEFT,)) for i, c in enumerate("ABCDEFGH")]
    shuffled = shuffle_labels(views, seed=1)
    assert [v.view_id for v in shuffled] == [v.view_id for v in views]
    assert sorted(v.country for v in shuffled) == sorted(v.country for v in views)
    assert all(v.city == v.country + "-city" for v in shuffled)
    assert shuffled != views
    assert shuffle_labels(views, seed=1) == shuffled


def test_recipes_say_what_is_wrong():
    from finetune.recipe import FinetuneRecipe
    from georeasoner.config import load_recipe
    from georeasoner.errors import ConfigError

    with pytest.raises(ConfigError, match="base_model"):
        load_recipe("configs/georeasoner.yaml", FinetuneRecipe, {"base_model": 3})
    recipe = load_recipe("configs/georeasoner.yaml", FinetuneRecipe)
    assert recipe.reasoning.learning_rate == 1e-5
    assert recipe.reasoning.batch_size * recipe.reasoning.gradient_accumulation == 80
