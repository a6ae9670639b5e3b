"""From a data set to conversations: what the model is asked and what it should say.

In go the rows of a built data set (views with their country and city, scores with the clues that
match each view, and the clues); out comes one conversation per view. The reasoning stage learns
reasons and the country, the location stage the city too. The user's words say nothing of the
answer: a model has the picture alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finetune.recipe import Reasons
from georeasoner.answers import PROMPT, Answer, render
from georeasoner.gazetteer import Gazetteer
from scoring.locatability import class_names
from scrapers.text.places import countries_in

StageName = Literal["reasoning", "location"]


@dataclass(frozen=True)
class Match:
    """A clue that a view shows, as the scorer found it."""

    text: str
    category: str
    similarity: float


@dataclass(frozen=True)
class LabelledView:
    """What a conversation is made from."""

    view_id: str
    country: str
    city: str | None
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Conversation:
    """One training example, without its picture.

    The assistant's answer is `given` followed by `completion`; only the latter is learnt.
    """

    view_id: str
    prompt: str
    given: str
    completion: str


def proper_words(texts: Iterable[str]) -> frozenset[str]:
    """The words that stand with a capital within a sentence: they keep it at its beginning."""
    return frozenset(w for text in texts for w in re.findall(r"(?<=[a-z,] )[A-Z]\w*", text))


def sight(text: str, proper: frozenset[str] = frozenset()) -> str:
    """What a clue says is to be seen: its clauses (parted by colons) that name no country.

    "Red soil: typical of Kenya." gives "red soil". A clue that cannot be parted so is kept whole.
    """
    clauses = [clause.strip(" .") for clause in text.split(":")]
    told = [clause for clause in clauses if clause and not countries_in(clause)]
    if not told or len(told) == len(clauses):
        return text.rstrip(". ")
    seen = ": ".join(told)
    return seen if seen.split()[0] in proper else seen[0].lower() + seen[1:]


def labelled_views(
    views: Iterable[Mapping[str, Any]],
    top_clues: Mapping[str, Sequence[Mapping[str, Any]]],
    clues: Mapping[str, Mapping[str, Any]],
    reasons: Reasons,
) -> list[LabelledView]:
    """Join views with their clues; of each category only the best match counts.

    `top_clues` maps view_id to [{"clue_id", "similarity"}], `clues` clue_id to its row; categories
    are ordered as they first come among the clues. Views without a country are left out, and so is
    what names a country when it does not speak of the view's own.
    """
    proper = proper_words(clue["text"] for clue in clues.values())
    place: dict[str, int] = {}
    told: dict[str, str] = {}
    bound: dict[str, frozenset[str]] = {}  # to these countries, by what is told of it
    for clue_id, clue in clues.items():
        place.setdefault(clue["category"] or "other", len(place))
        told[clue_id] = sight(clue["text"], proper)
        if countries_in(told[clue_id]):
            bound[clue_id] = frozenset(clue["countries"])
    result = []
    for view in views:
        if view["country"] is None:
            continue
        best: dict[str, Match] = {}
        for found in top_clues.get(view["view_id"], ()):
            clue = clues.get(found["clue_id"])
            if clue is None or found["similarity"] < reasons.min_similarity:
                continue
            if view["country"] not in bound.get(found["clue_id"], (view["country"],)):
                continue
            category = clue["category"] or "other"
            match = Match(told[found["clue_id"]], category, found["similarity"])
            if category not in best or best[category].similarity < match.similarity:
                best[category] = match
        ranked = sorted(best.values(), key=lambda m: -m.similarity)[: reasons.at_most]
        if reasons.order == "category":
            ranked.sort(key=lambda m: place[m.category])
        result.append(LabelledView(view["view_id"], view["country"], view["city"], tuple(ranked)))
    return result


def clues_of_own_country(
    views: Iterable[Mapping[str, Any]],
    shares: Mapping[str, NDArray[np.floating[Any]] | None],
    clues: Mapping[str, Mapping[str, Any]],
    min_share: float,
) -> dict[str, list[dict[str, Any]]]:
    """For each view, of each category a clue of its country whose classes the picture shows.

    `shares` has the (150,) class shares by view_id. The result is of the form of `top_clues`; the
    similarity is the share of the picture that a clue's classes cover together. Which of several
    clues of a category it is, is drawn by the ids of view and clue.
    """
    columns = {name: at for at, name in enumerate(class_names())}
    spoken: dict[str, list[tuple[str, str, list[int]]]] = defaultdict(list)
    for clue_id, clue in clues.items():
        seen = [columns[name] for name in clue["ade20k_classes"] or () if name in columns]
        for country in clue["countries"] if seen else ():
            spoken[country].append((clue["category"] or "other", clue_id, seen))
    result = {}
    for view in views:
        own, drawn = shares.get(view["view_id"]), {}
        for category, clue_id, seen in spoken.get(view["country"], ()) if own is not None else ():
            covered = float(own[seen].sum())
            if covered >= min_share:
                lot = hashlib.sha256(f"{view['view_id']}|{clue_id}".encode()).digest()
                if category not in drawn or lot < drawn[category][0]:
                    drawn[category] = (lot, {"clue_id": clue_id, "similarity": covered})
        result[view["view_id"]] = [found for _, found in drawn.values()]
    return result


def shuffle_labels(views: Sequence[LabelledView], seed: int) -> list[LabelledView]:
    """The control: country and city permuted together over the views."""
    order = np.random.default_rng(seed).permutation(len(views))
    return [
        LabelledView(view.view_id, views[j].country, views[j].city, view.matches)
        for view, j in zip(views, order, strict=True)
    ]


class Evidence:
    """Naive Bayes over matched clues: P(country | clues), with add-one-half smoothing.

    Counted on the training split alone; an unseen clue says nothing.
    """

    def __init__(self, views: Sequence[LabelledView]) -> None:
        self.countries = sorted({v.country for v in views})
        index = {c: i for i, c in enumerate(self.countries)}
        texts: dict[str, set[str]] = {}
        counts: dict[str, NDArray[np.float64]] = {}
        prior = np.zeros(len(self.countries))
        for view in views:
            prior[index[view.country]] += 1
            for match in view.matches:
                texts.setdefault(match.category, set()).add(match.text)
                row = counts.setdefault(match.text, np.zeros(len(self.countries)))
                row[index[view.country]] += 1
        self._log_prior = np.log(prior / prior.sum())
        self._log_likelihood: dict[str, NDArray[np.float64]] = {}
        for values in texts.values():
            total = sum(counts[t] for t in values) + 0.5 * len(values)
            for text in values:
                self._log_likelihood[text] = np.log((counts[text] + 0.5) / total)

    def guesses(self, matches: Sequence[Match], running: bool) -> list[str]:
        """The most probable country after each clue: given all so far, or that one alone."""
        found = []
        so_far = self._log_prior
        for match in matches:
            this = self._log_likelihood.get(match.text, np.zeros(len(self.countries)))
            so_far = so_far + this
            best = so_far if running else self._log_prior + this
            found.append(self.countries[int(np.argmax(best))])
        return found


def conversations(
    views: Sequence[LabelledView], stage: StageName, reasons: Reasons, gazetteer: Gazetteer
) -> list[Conversation]:
    """One conversation per view. The reasoning stage needs reasons: views without any are left to
    the location stage."""
    evidence = Evidence(views) if views and reasons.guess != "none" else None
    result = []
    for view in views:
        if stage == "reasoning" and not view.matches:
            continue
        said = [m.text for m in view.matches] or [reasons.no_clue]
        if evidence is not None and view.matches:
            guesses = evidence.guesses(view.matches, reasons.guess == "running")
            said = [
                f"{m.text} ({gazetteer.name(g)})"
                for m, g in zip(view.matches, guesses, strict=True)
            ]
        city = view.city if stage == "location" else None
        answer = Answer(country=view.country, city=city, reasons=tuple(said))
        text = render(answer, gazetteer.name)
        given = stage == "location" and len(result) % 100 < 100 * reasons.given_share
        at = text.index('", "country"') if given else 0
        result.append(Conversation(view.view_id, PROMPT, text[:at], text[at:]))
    return result
