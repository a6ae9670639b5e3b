"""A token-classification model in place of the gazetteer's own search for names.

In: sentences. Out: for each, the spans (start, end) that the model takes for places. What a span
means is still the gazetteer's to say, so a model finds names, and never invents a country.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from georeasoner.errors import ModelError

PLACES = frozenset({"LOC", "LOCATION", "GPE", "PLACE", "COUNTRY", "CITY"})
"""Labels that mean a place: of CoNLL-2003, OntoNotes and their like."""
PEOPLES = frozenset({"MISC", "NORP"})
"""Labels that demonyms carry; what is no name of the gazetteer's in them is left out."""


class Tagger:
    """A Hugging Face token classifier, by id or folder.

    Raises `ModelError` for what is no such model, or one without a label for places.
    """

    def __init__(self, model: str, batch_size: int = 32, device: str | None = None) -> None:
        self.model = model
        self._batch_size = batch_size
        self._pipeline = _load(model, device)
        labels = sorted({_plain(name) for name in self._pipeline.model.config.id2label.values()})
        if not PLACES & set(labels):
            raise ModelError(
                f"{model} tells apart {', '.join(labels)}",
                f"a model with one of the labels {', '.join(sorted(PLACES))}",
            )

    def spans(self, sentences: Sequence[str]) -> list[list[tuple[int, int]]]:
        """The spans of each sentence, in characters."""
        found = self._pipeline(list(sentences), batch_size=self._batch_size) if sentences else []
        return [
            [(e["start"], e["end"]) for e in one if e["entity_group"] in PLACES | PEOPLES]
            for one in found
        ]


def _plain(label: str) -> str:
    """B-LOC and I-LOC are LOC."""
    return label[2:] if label[1:2] == "-" else label


def _load(model: str, device: str | None) -> Any:
    from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer, pipeline

    try:
        config = AutoConfig.from_pretrained(model)
        heads = config.architectures or []
        if not any(name.endswith("ForTokenClassification") for name in heads):
            raise ValueError(f"it is a {', '.join(heads) or 'model without a head'}")
        tagger = AutoModelForTokenClassification.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)
        return pipeline(
            "token-classification",
            model=tagger,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            device=device,
        )
    except Exception as error:  # the library raises nearly every type for what is no model
        reason = str(error).partition("\n")[0][:200]
        raise ModelError(
            f"{model} is no token-classification model: {reason}", "a Hugging Face id or folder"
        ) from error
