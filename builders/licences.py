"""What a licence's name allows: whether pixels and texts may be handed on, and its Hub id."""

from __future__ import annotations

import re

# Licences under which anyone may hand copies on, however they are written.
_OPEN = re.compile(
    r"(https?-)?("
    r"cc-?(0|zero|by|pdm?|sa)(-|$)|creative-?commons|"
    r"public-?domain|pdm?(-|$)|pddl|"
    r"odbl|odc-by|open-(database|data-commons)|"
    r"etalab|licence-ouverte|open-licence-etalab"
    r")"
)
_HUB_IDS = re.compile(
    r"cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0|odbl|etalab-2\.0|pddl|odc-by|apache-2\.0|mit"
)


def _normal(licence: str) -> str:
    return re.sub(r"[\s_:/]+", "-", licence.strip().lower())


def redistributable(licence: str | None) -> bool:
    """Whether what is under this licence may be handed on unchanged.

    True for Creative Commons of every kind, the public domain, the Open Database Licence and
    Etalab's Licence Ouverte. An unknown or missing licence allows nothing.
    """
    return licence is not None and _OPEN.match(_normal(licence)) is not None


def hub_id(licence: str | None) -> str:
    """The Hub's identifier of a licence: `cc-by-sa-4.0` and so on, `unknown`, or `other`."""
    if licence is None:
        return "unknown"
    name = _normal(licence)
    return name if _HUB_IDS.fullmatch(name) else "other"
