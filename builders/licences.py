"""What a licence allows a data set to do, and how the Hub calls it."""

from __future__ import annotations

import re

from georeasoner.licences import licence

_HUB_IDS = re.compile(
    r"cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0|etalab-2\.0|apache-2\.0|mit|odbl|pddl|odc-by"
)


def redistributable(name: str | None) -> bool:
    """Whether what is under this licence may be handed on unchanged.

    True for Creative Commons of every kind, the public domain and the open licences of data and
    software. An unknown or missing licence allows nothing.
    """
    return licence(name).redistributable


def hub_id(name: str | None) -> str:
    """The Hub's identifier of a licence: `cc-by-sa-4.0` and so on, `unknown`, or `other`."""
    if name is None:
        return "unknown"
    known = re.sub(r"^(odbl|pddl|odc-by)-1\.0$", r"\1", (licence(name).id or "").lower())
    return known if _HUB_IDS.fullmatch(known) else "other"
