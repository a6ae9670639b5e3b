"""The language that a sentence is written in, as an ISO 639-1 code, or None when that is not clear.

py3langid's model (BSD-3, 139 languages, 5 MB, inside its package) decides. Clues in English speak
of foreign words, and short ones are half made of them ("The letters ã and õ mean Portuguese."), so
a sentence with a plainly English word counts as English unless the model is sure that it is not.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from scrapers.text.names import without_names
from scrapers.text.sentences import QUOTED, bare

SURE = 0.8
"""Share of the probability from which the model is believed against an English word."""
LEAST = 0.15
"""Below this the model knows nothing."""
NOT_MET = frozenset({"an", "br", "eo", "oc", "vo", "wa"})
"""Languages that no source is written in and that short sentences of larger ones look like."""

_ENGLISH = re.compile(
    r"\b(the|and|are|has|with|this|that|these|those|look|means?|called|says?|drives?|often|usually|you|"
    r"from|which|their|its|typical|common|roads?|streets?|signs?|letters?|poles?|plates?|word)\b",
    re.IGNORECASE,
)
_LATIN = re.compile(r"[a-zß-ɏḀ-ỿ]+", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]{2,}")


def language_of(sentence: str) -> str | None:
    """ISO 639-1 code of a sentence's language; quoted words and names of places do not tell."""
    own = QUOTED.sub(" ", without_names(bare(sentence), "country", "area", "town"))
    words = _WORDS.findall(own)
    latin = [word for word in words if _LATIN.fullmatch(word)]
    if not words:
        return None
    if len(words) / 2 < len(latin) < len(words):  # a name in another script inside a sentence
        own = " ".join(latin)
    code, share = _identifier().classify(own)
    if share < SURE and _ENGLISH.search(own):
        return "en"
    return str(code) if share >= LEAST and code != "zxx" else None


@cache
def _identifier() -> Any:
    """The model over the languages that have a two-letter code, and "no language"."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    codes = {code for code in identifier.labels if len(code) == 2} - NOT_MET
    identifier.set_languages([*sorted(codes), "zxx"])
    return identifier
