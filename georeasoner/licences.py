"""What a licence is called and what it allows: a name or a URL in, a `Licence` out.

A name is read as a whole against a closed list: one word more ("CC BY 4.0 NC", "CC BY and ...")
makes it an unknown one, and an unknown one allows nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum


class Terms(IntEnum):
    """What is asked of whoever uses a work, from nothing to everything."""

    FREE = 0
    CREDIT = 1
    SHARE_ALIKE = 2
    RESTRICTED = 3
    """Unchanged copies may be handed on; no trade (NC) or no changes (ND)."""
    UNKNOWN = 4


@dataclass(frozen=True)
class Licence:
    """`id` is SPDX's, without the version where none is stated, or "Public domain"; None where
    it is not known which licence it is."""

    id: str | None
    terms: Terms

    @property
    def open(self) -> bool:
        """Whether anybody may use the work for anything."""
        return self.terms <= Terms.SHARE_ALIKE

    @property
    def redistributable(self) -> bool:
        """Whether unchanged copies may be handed on."""
        return self.terms <= Terms.RESTRICTED

    @property
    def name(self) -> str | None:
        """As people write it: "CC BY-SA 3.0 DE"."""
        parts = re.fullmatch(r"CC(0|-[A-Z-]*[A-Z])(?:-(\d\.\d))?(?:-(\w+))?", self.id or "")
        if not parts:
            return self.id
        return " ".join(["CC" + parts[1].replace("-", " ", 1), *filter(None, parts.groups()[1:])])


UNKNOWN = Licence(None, Terms.UNKNOWN)

_URLS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (
            r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/(?!deed|legalcode)([a-z]+))?"
            r"(?:/(?:deed|legalcode)(?:\.[a-z_-]+)?)?",
            r"cc-\1-\2-\3",
        ),
        (
            r"creativecommons\.org/publicdomain/zero/1\.0(?:/(?:deed|legalcode)(?:\.[a-z_-]+)?)?",
            "cc0-1.0",
        ),
        (r"creativecommons\.org/publicdomain/mark/1\.0(?:/deed(?:\.[a-z_-]+)?)?", "public-domain"),
        (r"creativecommons\.org/licenses/publicdomain", "public-domain"),
        (r"opendatacommons\.org/licenses/(pddl|odbl)(?:/(?:summary|1[.-]0))?", r"\1"),
        (r"opendatacommons\.org/licenses/by(?:/(?:summary|1[.-]0))?", "odc-by"),
        (r"etalab\.gouv\.fr/licence-ouverte-open-licence", "licence-ouverte"),
        (r"opensource\.org/licenses?/mit", "mit"),
        (r"apache\.org/licenses/license-2\.0(?:\.txt|\.html)?", "apache-2.0"),
        (r"spdx\.org/licenses/([a-z0-9.-]+?)(?:\.html)?", r"\1"),
    )
]
_LICENCE = "licen[cs]e"
_NAMES = [
    (re.compile(pattern), Licence(id, terms))
    for pattern, id, terms in (
        (r"(cc-)?cc-?(0|zero)(-v?1\.0)?(-universal)?(-public-domain-dedication)?",
         "CC0-1.0", Terms.FREE),
        (r"(cc-)?(public-?domain|pdm?)(-mark)?(-1\.0)?", "Public domain", Terms.FREE),
        (r"pddl(-v?1\.0)?|(open-data-commons-)?public-domain-dedication-and-licen[cs]e(-v?1\.0)?",
         "PDDL-1.0", Terms.FREE),
        (rf"odc-by(-v?1\.0)?|open-data-commons-by-{_LICENCE}(-v?1\.0)?",
         "ODC-By-1.0", Terms.CREDIT),
        (rf"(odc-)?odbl(-v?1\.0)?|(open-data-commons-)?open-database-{_LICENCE}(-v?1\.0)?",
         "ODbL-1.0", Terms.SHARE_ALIKE),
        (rf"(etalab|(etalab-)?{_LICENCE}-ouverte)(-open-{_LICENCE})?(-etalab)?(-version)?-v?2\.0",
         "etalab-2.0", Terms.CREDIT),
        (rf"(etalab|(etalab-)?{_LICENCE}-ouverte)(-open-{_LICENCE})?(-etalab)?"
         rf"|open-{_LICENCE}-etalab", "etalab", Terms.CREDIT),
        (rf"mit(-{_LICENCE})?", "MIT", Terms.CREDIT),
        (rf"apache(-{_LICENCE})?(-version)?-v?2(\.0)?", "Apache-2.0", Terms.CREDIT),
        (rf"creative-?commons(-{_LICENCE})?", None, Terms.RESTRICTED),  # any of theirs
    )
]  # fmt: skip
_PORTS = (
    "am ar at au az be bg br ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo"
    " il in it jp kr lu mk mt mx my nl no nz pe ph pl pr pt ro rs scotland se sg si th tw ug uk us"
    " ve vn za"
)
_CC = re.compile(
    r"cc-(?P<kinds>(?:by|nc|nd|sa)(?:-(?:nc|nd|sa))*)"
    r"(?:-v?(?P<version>1\.0|2\.[015]|3\.0|4\.0|[1-4]))?"
    rf"(?:(?<=\d)-(?:(?P<port>{'|'.join(_PORTS.split())})|international|unported|generic))?"
    rf"(?:-{_LICENCE})?"
)
_LONG = [
    (re.compile(pattern), short)
    for pattern, short in (
        (r"creative-?commons(?=-)", "cc"),
        (r"\battribution\b", "by"),
        (r"\bshare-?alike\b", "sa"),
        (r"\bnon-?commercial\b", "nc"),
        (r"\bno-?deriv(ative)?s?(-works)?\b", "nd"),
    )
]
_RESTRICTS = re.compile(r"\b(nc|nd|all-rights-reserved)\b")


def licence(text: str | None) -> Licence:
    """The licence that a name or a URL stands for; `UNKNOWN` where there is any doubt."""
    flat = _flat(text or "")
    if twice := re.fullmatch(r"([^()]+)\(([^()]+)\)", flat):  # "... Attribution 4.0 (CC BY 4.0)"
        first, second = (_named(part) for part in twice.groups())
        return first if first == second else UNKNOWN
    return _named(_name_of_url(flat))


def stated(words: str, href: str) -> str | None:
    """What a link to a licence says, as a name.

    The address of a known licence counts before the words, unless these are stricter. Of an
    unknown address the words count.
    """
    for text in (words, href):
        if licence(text).id is None and _RESTRICTS.search(_short(_flat(text))):
            return text
    named, linked = licence(words), licence(href)
    if linked.id is None:
        return words or href or None
    return words if named.id and named.terms > linked.terms else linked.name


def _flat(text: str) -> str:
    """In lower case, with every dash as "-" and all white space as one space."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    dashes = ("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in plain)
    return " ".join("".join(dashes).split())


def _name_of_url(flat: str) -> str:
    """The name that a known URL stands for; any other text as it is."""
    place = re.sub(r"^(https?:)?//(www\.)?|[?#].*$", "", flat).rstrip("/")
    for pattern, name in _URLS:
        if found := pattern.fullmatch(place):
            return found.expand(name)
    return flat


def _short(flat: str) -> str:
    """Words parted by "-", those of Creative Commons by their letters."""
    name = re.sub(r"[\s_/-]+", "-", flat).strip("-.")
    for pattern, short in _LONG:
        name = pattern.sub(short, name)
    return name


def _named(flat: str) -> Licence:
    name = _short(flat)
    for pattern, known in _NAMES:
        if pattern.fullmatch(name):
            return known
    found = _CC.fullmatch(name)
    return _creative_commons(found) if found else UNKNOWN


def _creative_commons(found: re.Match[str]) -> Licence:
    kinds = sorted(set(found["kinds"].split("-")))  # the order of their names: BY-NC-SA
    if {"nd", "sa"} <= set(kinds):
        return UNKNOWN
    version = found["version"]
    parts = ["cc", *kinds, version and f"{float(version):.1f}", found["port"]]
    if kinds == ["by"]:
        terms = Terms.CREDIT
    else:
        terms = Terms.SHARE_ALIKE if kinds == ["by", "sa"] else Terms.RESTRICTED
    return Licence("-".join(filter(None, parts)).upper(), terms)
