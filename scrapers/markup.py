"""What the parsers share: a page's sections in its order, its lasting address, its data.

In: a page or a part of its tree. Out: texts, each with the headings that it stands under and the
pictures of its section. A parser says which heading means what; how text stands in HTML (lists
inside lists, line breaks, lazy pictures, menus) is known here alone.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.element import CData, NavigableString, PageElement

from georeasoner.errors import InputError
from georeasoner.licences import licence, stated
from scrapers.fetch.pages import Page
from scrapers.source import missing, soup
from scrapers.text.places import countries_in

T = TypeVar("T")

_NOT_TEXT = "script, style, template, nav, aside, form, button, select, table, footer"
_LEVEL = {f"h{n}": n for n in range(1, 7)}
_PARAGRAPHS = frozenset({"p", "li", "dd", "blockquote", "figcaption"})
_BLOCKS = _PARAGRAPHS | frozenset(
    {"dt", "td", "pre", "div", "section", "article", "main", "header", "body", "html"}
)
_LAZY = ("data-src", "data-lazy-src", "data-original", "src")
_MARKDOWN_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKDOWN_MARKS = re.compile(
    r"^\s*(?:#+|>+|[*+-]|\d+[.)])\s+"
    r"|(?<!\\)\*+(?=\S)|(?<=[^\s\\])\*+|~~|`+"
    r"|(?<![\w\\])_+(?=\w)|(?<=\w)_+(?!\w)"
    r"|\\(?=[^\w\s]|_)",  # what it escapes stays
    re.MULTILINE,
)
_BREAK = "\x1e"
_LINK = "\x02"  # on both sides of a link's words; no white space, as \x1e is
_LINKED = re.compile(f"{_LINK}[^{_LINK}]*{_LINK}")
_BLANK_LINE = re.compile(rf"{_BREAK}\s*{_BREAK}[\s{_BREAK}]*")


@dataclass
class Section:
    """What stands between two headings: `headings` by level (1 to 6), all it is under."""

    headings: dict[int, str]
    texts: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    @property
    def image(self) -> str | None:
        """The section's first picture."""
        return self.images[0] if self.images else None

    @property
    def countries(self) -> tuple[str, ...]:
        """The countries that the nearest heading with any names."""
        for level in sorted(self.headings, reverse=True):
            if codes := countries_in(self.headings[level]):
                return codes
        return ()

    @property
    def topic(self) -> str | None:
        """The nearest heading that names no country."""
        for level in sorted(self.headings, reverse=True):
            if not countries_in(self.headings[level]):
                return self.headings[level]
        return None


def sections(
    root: Tag, base: str, *, loose: bool = False, labels: bool = True
) -> Iterator[Section]:
    """The sections of a tree, in its order; menus, forms, tables and scripts are cut out of it.

    A text is what a paragraph, list item or caption holds itself, without the lists inside it,
    which follow as texts of their own; an empty line (`<br><br>`) parts two. Words that stand loose
    in other blocks are mostly menus and buttons, and count only if `loose`; texts that are nothing
    but links are mostly labels of pages, and do not count without `labels`. `base` is the address
    that the pictures' are relative to.
    """
    _cut(root)
    at = Section({})
    holders: dict[int, list[str]] = {}
    for node in root.descendants:
        if isinstance(node, Tag) and node.name in _LEVEL:
            yield _filled(at, holders)
            level = _LEVEL[node.name]
            over = {n: text for n, text in at.headings.items() if n < level}
            at, holders = Section(over | {level: text_of(node)}), {}
        elif isinstance(node, Tag) and node.name == "img":
            if (url := image_of(node, base)) and url not in at.images:
                at.images.append(url)
        elif type(node) in (NavigableString, CData):
            holder = _holder(node, root)
            if holder is not None and (loose or holder.name in _PARAGRAPHS):
                linked = not labels and node != _BREAK and node.find_parent("a", href=True)
                words = f"{_LINK}{node}{_LINK}" if linked else str(node)
                holders.setdefault(id(holder), []).append(words)
    yield _filled(at, holders)


def _cut(root: Tag) -> None:
    for tag in root.select(_NOT_TEXT):
        tag.decompose()
    for tag in root.select("noscript"):  # where a lazy picture stands again for the scriptless
        tag.decompose() if tag.get_text(strip=True) else tag.unwrap()
    for tag in root.select("br"):
        tag.replace_with(_BREAK)


def _holder(text: PageElement, root: Tag) -> Tag | None:
    """The element that a string is the text of; None for that of a heading."""
    for parent in text.parents:
        if parent.name in _LEVEL:
            return None
        if parent.name in _BLOCKS or parent is root:
            return parent
    return root


def _filled(section: Section, holders: dict[int, list[str]]) -> Section:
    for strings in holders.values():
        for text in _BLANK_LINE.split("".join(strings)):
            words = _collapsed(text.replace(_LINK, ""))
            rest = _LINKED.sub("", text)
            if words and (rest == text or any(map(str.isalnum, rest))):
                section.texts.append(words)
    return section


def _collapsed(text: str) -> str:
    return " ".join(text.replace(_BREAK, " ").split())


def markdown_text(text: str) -> str:
    """A paragraph or list item of Markdown as a reader sees it."""
    seen = _MARKDOWN_MARKS.sub("", _MARKDOWN_LINK.sub(r"\1", html.unescape(text)))
    return " ".join(seen.replace("\u200b", "").split())


def text_of(tag: Tag) -> str:
    """All the text of a tag, white space collapsed."""
    return _collapsed(tag.get_text())


def image_of(tag: Tag, base: str) -> str | None:
    """The absolute address of an `<img>`, where a lazy one hides it; None where it has none."""
    for name in _LAZY:
        value = str(tag.get(name) or "").strip()
        if value and not value.startswith("data:"):
            return urljoin(base, value)
    return None


def page_licence(tree: BeautifulSoup) -> str | None:
    """What the page says its licence is: the strictest of its `rel="license"` links.

    One in a figure, quotation or aside is about that alone.
    """
    found = [
        stated(text_of(link), str(link["href"]).strip())
        for link in tree.select('a[rel~="license"][href], link[rel~="license"][href]')
        if not link.find_parent(["figure", "figcaption", "blockquote", "aside"])
    ]
    return max(filter(None, found), key=lambda name: licence(name).terms, default=None)


def address(page: Page, tree: BeautifulSoup) -> str:
    """A page's lasting address: its canonical link, else where it was fetched."""
    link = tree.select_one('link[rel="canonical"][href]')
    return urljoin(page.url, str(link["href"])) if link else page.url


def json_of(page: Page, kind: type[T], example: str) -> T:
    """A page that is JSON as a whole, of that structure. Raises `InputError` for any other."""
    try:
        return checked(page, kind, json.loads(page.body), example)
    except ValueError:
        raise missing(page, "JSON", example) from None


def checked(page: Page, kind: type[T], data: Any, example: str) -> T:
    """A page's data as what its source is known for (a pydantic model, a list of such ...).

    Raises `InputError` that names the first piece which is absent or of another type.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "object"
        usable = "" if first["type"] == "missing" else "usable "
    raise missing(page, f"{usable}{where} in its data", example)


def embedded_json(page: Page, selector: str) -> Any:
    """The JSON inside a page's `<script>`. Raises `InputError` where it is not there or broken."""
    script = soup(page).select_one(selector)
    if script is None:
        raise missing(page, selector, "a script element with the page's data")
    try:
        return json.loads(script.string or "")
    except ValueError as error:
        raise InputError(f"{page.url}: the data in {selector} is no JSON ({error})") from None
