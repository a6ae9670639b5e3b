"""Reading robots.txt (RFC 9309): which lines speak to us, and which of them decide about a URL.

Whether a URL may be fetched is Protego's decision, through Scrapy; here the deciding line is found,
so that it can be shown, and the lines about the use of pages are read. Patterns are matched by
Protego too, so all of them mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from protego import Protego


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> Protego:
    one_word = re.sub(r"[\s#]", lambda found: quote(found[0]), pattern)
    return Protego.parse(f"User-agent: *\nDisallow: {one_word}")


def matches(pattern: str, url: str) -> bool:
    """Whether a pattern of robots.txt ("/img/*.jpg$") fits the path of a URL."""
    return bool(pattern) and not _pattern(pattern).can_fetch(url, "*")


def lines_for(robots_txt: str, agent: str) -> list[tuple[str, str]]:
    """(name in lower case, value) of the lines that speak to `agent`.

    These are the groups that name it, else those for everybody, and what stands before any group.
    """
    before: list[tuple[str, str]] = []
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    naming = False
    for raw in robots_txt.lstrip("\ufeff").splitlines():
        name, colon, value = (part.strip() for part in raw.partition("#")[0].partition(":"))
        name = name.lower()
        if not colon:
            continue
        if name == "user-agent":
            token = value.partition("/")[0].lower()
            agents = [*agents, token] if naming else [token]
            groups.setdefault(token, [])
        elif not agents:
            before.append((name, value))
        else:
            for one in agents:
                groups[one].append((name, value))
        naming = name == "user-agent"
    ours = groups.get(agent.lower(), groups.get("*", []))
    return before + ours


def forbidding_line(robots_txt: str, agent: str, url: str) -> str | None:
    """The line of robots.txt that forbids a URL which Protego found to be forbidden."""
    rules = [v for name, v in lines_for(robots_txt, agent) if name == "disallow"]
    fitting = [rule for rule in rules if matches(rule, url)]
    return f"Disallow: {max(fitting, key=len)}" if fitting else None


def preferences(lines: Iterable[tuple[str, str]], name: str, url: str) -> list[str]:
    """The values of the lines `name: [PATH] VALUE` that count for a URL, as they stand.

    By draft-ietf-aipref-attach the longest path that fits decides; equal ones count together. A
    value without a path, as Content-Signal has it, is one for every path.
    """
    found: dict[int, list[str]] = {}
    for said, value in lines:
        if said != name:
            continue
        path = value.split(maxsplit=1)[0] if value.startswith("/") else "/"
        if matches(path, url):
            found.setdefault(len(path), []).append(value)
    return found[max(found)] if found else []
