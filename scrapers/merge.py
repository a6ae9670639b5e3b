"""Near-identical clues: the table `clues` in, the whole table `clue_groups` out.

Sources copy from each other and say the same in nearly the same words. Two clues are of one group
when the cosine of their Sentence-BERT vectors reaches `SIMILAR` and nothing that a vector hardly
shows tells them apart: they have the same language, countries, regions and category, the same
numbers, quoted words and other names, and the same words of `text/meaning.yaml` in the same order
(left, not, yellow ...). Only clues with the same such mark are ever compared, one bucket of them
after another, so memory holds the vectors of one block of sentences and of one bucket.

Of a group the clue with the most open licence is kept, then the one known longest, then the least
id; every other one is near-identical to that very one. All stay in `clues`, with their sources;
`Lake.unique_clues` reads the kept ones. The result depends on the clues alone, not on their order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from georeasoner.errors import ConfigError
from georeasoner.lake import Lake
from georeasoner.lake.writer import Sums
from georeasoner.licences import licence
from georeasoner.provenance import fingerprint
from georeasoner.sentences import embed_sentences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STAGE = "merge-clues"
SIMILAR = 0.93
BLOCK = 4096
"""Sentences embedded at once."""

_COLUMNS = [
    "clue_id", "text", "language", "countries", "regions", "category", "license",
    "ai_training_allowed", "retrieved_at",
]  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_LATE = datetime.max.replace(tzinfo=UTC)

Clue = dict[str, Any]


def merge_clues(lake: Lake, similar: float = SIMILAR, model: str | None = None) -> Sums:
    """Find the groups of a lake's clues and write `clue_groups` anew, unless it is current.

    `similar` is the least cosine, `model` a sentence-transformers id or folder (None: the one that
    ships). Raises `ConfigError` for a cosine out of range, `ModelError` for what is no model.
    """
    if not 0 < similar <= 1:
        raise ConfigError(f"a similarity of {similar}", "above 0 and at most 1")
    config = {"similar": similar, "model": model, "words": fingerprint(_meanings())}
    state = lake.state("clues")
    if lake.is_current(STAGE, config, state):
        sums = (lake.last_run(STAGE) or {})["sums"]
        if lake.shards("clue_groups") or not sums["notes"].get("groups"):  # none was deleted
            return Sums(
                sums["accepted"], *(Counter(sums[k]) for k in ("excluded", "rejected", "notes"))
            )
    with lake.writing(STAGE, config, whole=["clue_groups"], inputs=state) as out:
        alike, alone = _buckets(lake)
        out.accept(count=alone)
        for bucket in _compared(alike, similar, model):
            out.accept(count=bucket.size)
            out.add("clue_groups", bucket.rows())
            out.note("groups", len(bucket.members))
            out.note("merged", sum(len(others) for others in bucket.members.values()))
    return out.sums


def _buckets(lake: Lake) -> tuple[list[list[Clue]], int]:
    """Clues with the same mark, the one worth most first; how many have a mark of their own."""
    clues = [
        (mark(row), worth(row), row)
        for batch in lake.batches("clues", _COLUMNS)
        for row in batch.to_pylist()
    ]
    clues.sort(key=lambda clue: clue[:2])
    buckets = [[row for _, _, row in same] for _, same in groupby(clues, key=lambda clue: clue[0])]
    alike = [bucket for bucket in buckets if len(bucket) > 1]
    return alike, len(buckets) - len(alike)


def mark(clue: Clue) -> str:
    """What two clues must have in common, whatever their vectors say."""
    from scrapers.text.names import mentions_in, without_names
    from scrapers.text.sentences import QUOTED, bare

    sentence = bare(clue["text"])
    text = without_names(sentence)  # the countries spoken of are told by their codes
    if sentence.isupper():
        text = text.lower()  # capitals tell no names there
    names = set(QUOTED.findall(sentence.casefold()))
    names |= {code for m in mentions_in(sentence) for code in m.name.countries}
    names -= set(clue["countries"] or ())
    capitals = {word[0] for word in _WORD.finditer(text) if word.start() and word[0][0].isupper()}
    names |= {word for word in capitals if word.lower() not in _meanings()}
    meant = [_meanings()[w] for w in _words(text) if w in _meanings()]
    numbers = re.findall(r"\d+(?:[.,]\d+)?", text)
    return fingerprint(
        [
            clue["language"], sorted(clue["countries"] or ()), sorted(clue["regions"] or ()),
            clue["category"], meant, numbers, sorted(names),
        ]
    )  # fmt: skip


def worth(clue: Clue) -> tuple[bool, int, datetime, str]:
    """The order in which clues of a group are kept, the first one before the others."""
    known = clue["retrieved_at"] or _LATE
    terms = licence(clue["license"]).terms
    return not clue["ai_training_allowed"], terms, known, clue["clue_id"]


class _Bucket:
    """Clues with one mark, told one after the other: those kept, and what is like them."""

    def __init__(self, similar: float, width: int) -> None:
        import faiss

        self.size = 0
        self.members: dict[str, list[tuple[str, float]]] = {}  # by the id of the one kept
        self._similar = similar
        self._kept: list[str] = []
        self._index: Any = faiss.IndexFlatIP(width)

    def add(self, clue_id: str, vector: NDArray[np.float32]) -> None:
        """The next clue: like one that is kept, or to be kept itself."""
        cosine, nearest = self._index.search(vector[None], 1)
        self.size += 1
        if self._kept and cosine[0, 0] >= self._similar:
            others = self.members.setdefault(self._kept[nearest[0, 0]], [])
            others.append((clue_id, min(float(cosine[0, 0]), 1.0)))
        else:
            self._kept.append(clue_id)
            self._index.add(vector[None])

    def rows(self) -> list[dict[str, Any]]:
        """Rows of `clue_groups`, the clue to keep first in its group."""
        return [
            {"clue_id": one, "group_id": kept, "similarity": cosine, "keep": one == kept}
            for kept, others in self.members.items()
            for one, cosine in [(kept, 1.0), *others]
        ]


def _compared(
    buckets: Sequence[list[Clue]], similar: float, model: str | None
) -> Iterator[_Bucket]:
    """The buckets with their groups found; sentences are embedded in blocks across buckets."""
    from scrapers.text.sentences import bare

    clues = ((at, clue) for at, bucket in enumerate(buckets) for clue in bucket)
    current, bucket = -1, None
    while block := list(islice(clues, BLOCK)):
        vectors = embed_sentences([bare(clue["text"]) for _, clue in block], model)
        for (at, clue), vector in zip(block, vectors, strict=True):
            if at != current:
                if bucket:
                    yield bucket
                current, bucket = at, _Bucket(similar, len(vector))
            assert bucket is not None
            bucket.add(clue["clue_id"], vector)
    if bucket:
        yield bucket


# -- what tells clues apart ------------------------------------------------------------------------


@cache
def _meanings() -> dict[str, str]:
    """Form of a word to its meaning."""
    import yaml

    file = Path(__file__).parent / "text" / "meaning.yaml"
    written = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return {form: meaning for meaning, forms in written.items() for form in forms}


def _words(text: str) -> Iterator[str]:
    """Lower case, plurals as singulars; "isn't" is "not", "white-red" two words."""
    for word in _WORD.findall(text.lower().replace("’", "'")):
        whole = [word] if word in _meanings() else re.split("[-']", word.replace("n't", "-not"))
        yield from (w if w in _meanings() else w.removesuffix("s") for w in whole)
