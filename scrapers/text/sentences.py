"""Passages into sentences: verbatim text in, its sentences out, in their order.

A sentence ends with a full stop, an exclamation or a question mark and the quotes or brackets that
close with it, where a new one begins: with a capital, a digit or an opening quote. A full stop of
an abbreviation ("St. Lucia", "e.g. Peru", "the U.S. South") ends none. Text of people who write no
capitals is cut at every such mark; Chinese and Japanese full stops need no space after them.
"""

from __future__ import annotations

import re

QUOTED = re.compile(r"[\"“„«]([^\"”“»]+)[\"”“»]")
"""Words in quotation marks; the group is what stands between them."""
_BARE = re.compile(rf"{QUOTED.pattern}[.!?…]?")
_CLOSING = r"[\"'”’»)\]]*"
_END = re.compile(rf"[.!?…]+{_CLOSING}\s+|[。！？]{_CLOSING}\s*")
_BEGIN = re.compile(r"[\"'“‘„«(\[¿¡]*(?=[^\W_])(?P<first>.)")
_LAST_WORD = re.compile(r"[\w.]+(?=\.\W*$)")
_FIRST_WORD = re.compile(r"\w+")
_NEVER = {
    "st", "mt", "ft", "mr", "mrs", "ms", "dr", "prof", "sta", "ste", "no", "nr", "nos", "vs", "e.g",
    "i.e", "eg", "ie", "approx", "ca", "cf", "fig", "incl", "esp", "max", "min", "gen", "sr", "jr",
    "km", "p", "pp", "rd", "ave", "blvd", "bldg", "dept", "est", "resp",
}  # fmt: skip
"""Abbreviations after which a sentence goes on."""
_SELDOM = {"u.s", "u.k", "u.s.a", "u.a.e", "d.c", "a.m", "p.m", "d.r", "etc"}
"""Abbreviations after which it goes on unless the next word begins many a sentence."""
_BEGINNERS = {
    "the", "a", "an", "in", "on", "it", "its", "they", "these", "this", "that", "those", "there",
    "you", "look", "most", "some", "many", "if", "but", "and", "also", "when", "while", "unlike",
    "see", "note", "only", "all",
}  # fmt: skip


def sentences_of(text: str) -> list[str]:
    """The sentences of a passage, none empty, white space collapsed."""
    text = " ".join(text.split())
    sloppy = text[:1].islower()
    found, start = [], 0
    for mark in _END.finditer(text):
        if _ends(text, mark, sloppy):
            found.append(text[start : mark.end()].strip())
            start = mark.end()
    return [sentence for sentence in (*found, text[start:].strip()) if sentence]


def bare(sentence: str) -> str:
    """A sentence without the quotation marks around the whole of it; a word or two keep theirs."""
    whole = _BARE.fullmatch(sentence.strip())
    return whole[1] if whole and whole[1].count(" ") > 1 else sentence


def _ends(text: str, mark: re.Match[str], sloppy: bool) -> bool:
    begin = _BEGIN.match(text, mark.end())
    if begin is None:
        return False
    if mark[0][0] in "。！？":
        return True
    if begin["first"].islower() and not sloppy:
        return False
    if not mark[0].startswith(".") or mark[0].startswith(".."):
        return True
    before = _LAST_WORD.search(text, max(0, mark.start() - 20), mark.start() + 1)
    word = before[0].lower() if before else ""
    if word in _SELDOM or (len(word) == 1 and word.isalpha()):
        following = _FIRST_WORD.match(text, begin.start("first"))
        return following is not None and following[0].lower() in _BEGINNERS
    return word not in _NEVER
