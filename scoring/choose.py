"""Which of a lake's scores or embeddings is meant, when the user did not say or said it wrongly."""

from __future__ import annotations

import difflib

from georeasoner.errors import InputError, UnknownNameError
from georeasoner.lake import Lake


def choose_score(lake: Lake, wanted: str | None = None, model: str | None = None) -> str:
    """The score_id to use: the one named, else the only one (of that model, where one is given).

    Raises `InputError` without scores, `UnknownNameError` for a wrong or an ambiguous name.
    """
    known = _distinct(lake, "scores", "score_id")
    if wanted is None and model is not None and len(known) > 1:
        known = [k for k in known if f":{model}:" in k] or known
    return _choose("score", known, wanted, "--scores")


def choose_model(lake: Lake, wanted: str | None = None) -> str:
    """The model of `embeddings` to use: the one named, else the only one.

    A name may leave out its revision. Raises as `choose_score` does.
    """
    known = _distinct(lake, "embeddings", "model")
    short = [k for k in known if wanted is not None and k.partition("@")[0] == wanted]
    return _choose("embedding model", known, short[0] if len(short) == 1 else wanted, "--model")


def _distinct(lake: Lake, table: str, column: str) -> list[str]:
    query = f'SELECT DISTINCT "{column}" FROM "{table}" ORDER BY 1'
    return [value for (value,) in lake.connect().execute(query).fetchall()]


_MISSING = {
    "score": "run `score` first",
    "embedding model": "run `score --scorer clip` first",
}


def _choose(what: str, known: list[str], wanted: str | None, flag: str) -> str:
    if not known:
        raise InputError(f"the lake has no {what}", "", _MISSING[what])
    if wanted is None:
        if len(known) > 1:
            raise UnknownNameError(
                f"the lake has {len(known)} {what}s: {', '.join(known)}", "", f"name one by {flag}"
            )
        return known[0]
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}?" if near else ""
        raise UnknownNameError(f"no {what} {wanted!r}", f"one of {', '.join(known)}", hint)
    return wanted
