"""`--ner`: a token-classification model in the format of the Hub finds the names."""

from __future__ import annotations

from pathlib import Path

import pytest

from georeasoner.errors import ModelError
from scrapers.source import Passage
from scrapers.text.measure import read_labelled, scores_of
from scrapers.text.ner import Tagger
from scrapers.text.places import places_in
from scrapers.text.read import read

LABELS = ["O", "B-LOC", "I-LOC", "B-PER"]
NAMES = {"peru": 1, "norway": 1, "kenya": 1, "south africa": 1, "jordan smith": 3, "chad miller": 3}
FRAMES = (
    "{} has tall poles .", "in {} the plates are red .", "bollards of {} are white .",
    "{} found it in {} .", "unlike {} , {} has red plates .", "the poles are white .",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 16 dimensions that has learned the names above in the frames above."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("ner")
    sentences = _sentences()
    words = sorted({word for sentence, _ in sentences for word in sentence})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
    )  # fmt: skip
    tagger = BertForTokenClassification(config)
    batch = tokenizer([s for s, _ in sentences], is_split_into_words=True, padding=True,
                      return_tensors="pt")  # fmt: skip
    labels = torch.full_like(batch["input_ids"], -100)
    for row, (_, tags) in enumerate(sentences):
        labels[row, 1 : len(tags) + 1] = torch.tensor(tags)
    optimizer = torch.optim.Adam(tagger.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        tagger(**batch, labels=labels).loss.backward()
        optimizer.step()
    tagger.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _sentences() -> list[tuple[list[str], list[int]]]:
    """Each frame with each name (and the next one in a second gap), and the label of each word."""
    made = []
    names = list(NAMES)
    for frame in FRAMES:
        for at, name in enumerate(names):
            words, tags, gap = [], [], at
            for piece in frame.split():
                if piece == "{}":
                    name = names[gap % len(names)]
                    first = NAMES[name]
                    parts = name.split()
                    words += parts
                    tags += [first] + [2 if first == 1 else 3] * (len(parts) - 1)
                    gap += 1
                else:
                    words.append(piece)
                    tags.append(0)
            made.append((words, tags))
    return made


def test_a_model_finds_names_and_the_rules_stay(model: Path) -> None:
    tagger = Tagger(str(model), batch_size=2)
    sentences = [
        "South Africa has tall poles .",
        "Unlike Norway , Kenya has red plates .",
        "Jordan Smith found it in Peru .",
        "The poles are white .",
    ]
    spans = tagger.spans(sentences)
    found = [[s[a:b] for a, b in one] for s, one in zip(sentences, spans, strict=True)]
    assert found == [["South Africa"], ["Norway", "Kenya"], ["Peru"], []]
    places = [places_in(s, (), one).countries for s, one in zip(sentences, spans, strict=True)]
    assert places == [("ZA",), ("KE",), ("PE",), ()]
    assert tagger.spans([]) == []


def test_what_the_model_does_not_find_is_not_found() -> None:
    sentence = "Peru and Turkey"
    assert places_in(sentence, (), [(9, 15)]).countries == ("TR",)
    assert places_in(sentence, (), []).countries == ()


def test_a_model_is_measured_like_the_gazetteer(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"text": "Peru has tall poles .", "countries": ["PE"]}\n'
        '{"text": "Unlike Norway , Kenya has red plates .", "countries": ["KE", "UG"]}\n'
    )
    scores = scores_of(read_labelled(file), Tagger(str(model)))["all"]
    assert (scores.right, scores.wrong, scores.missed) == (2, 0, 1)  # PE and KE; Uganda is missed


def test_a_model_of_other_labels_is_refused(model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    other = AutoModelForTokenClassification.from_pretrained(model)
    other.config.id2label = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2", 3: "LABEL_3"}
    other.config.label2id = {v: k for k, v in other.config.id2label.items()}
    other.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match=r"tells apart LABEL_0.*one of the labels CITY") as raised:
        Tagger(str(tmp_path / "other"))
    assert "\n" not in str(raised.value)


def test_what_is_no_token_classifier_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                         intermediate_size=8, vocab_size=9)).save_pretrained(tmp_path)  # fmt: skip
    for model, why in ((tmp_path, "it is a BertModel"), (tmp_path / "no", "")):
        with pytest.raises(ModelError, match=f"is no token-classification model: .*{why}"):
            Tagger(str(model))


def test_passages_are_read_in_batches_and_in_order(model: Path) -> None:
    texts = ["Kenya has tall poles .", "The poles are white .", "In Peru the plates are red ."]
    passages = (
        Passage(texts[at % 3], f"https://a.example/{at}", None, page_countries=("NO",))
        for at in range(300)  # more than one batch
    )
    clues = list(read(passages, Tagger(str(model))))
    assert [clue.passage.source_url for clue in clues] == [
        f"https://a.example/{at}" for at in range(300)
    ]
    expected = [("KE",), ("NO",), ("PE",)]  # the page's country where the sentence names none
    assert [clue.countries for clue in clues] == expected * 100
    assert {clue.category for clue in clues} == {"pole", "plate"}
