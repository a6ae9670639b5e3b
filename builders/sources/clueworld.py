"""`clueworld:N` or `clueworld:N@heldout`: the first N scenes of the drawn world.

The true visible clues, the exact locatability they give, the scene's kind and the view it nearly
repeats stay in `extra`, so that later stages can be measured against them. Broken scenes come as
broken files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builders.source import Input, RawView
from georeasoner.errors import InputError
from georeasoner.registry import register

LICENSE = "CC0-1.0"
ATTRIBUTION = "ClueWorld, drawn by georeasoner"


@register("view_source", "clueworld")
def clueworld(argument: str, seed: int) -> Iterator[Input]:
    """Scenes 0 to N-1 of a role (build, or heldout), drawn with `seed`."""
    match = re.fullmatch(r"(\d+)(?:@(build|heldout))?", argument)
    if match is None:
        raise InputError(f"clueworld:{argument}", "clueworld:N or clueworld:N@heldout")
    from georeasoner.clueworld import World

    world, role = World.load(), match[2] or "build"
    for index in range(int(match[1])):
        scene = world.scene(index, seed=seed, role=role)
        extra = {
            "index": index, "seed": seed, "role": role, "kind": scene.kind, "clues": scene.clues,
            "near_duplicate_of": scene.near_duplicate_of, "locatability": scene.locatability,
        }  # fmt: skip
        yield RawView(
            where=f"clueworld {role} scene {index}", view_id=scene.view_id, data=scene.jpeg,
            lat=scene.lat, lon=scene.lon, heading_deg=scene.heading_deg,
            captured_at=scene.captured_at, sequence_id=scene.sequence_id,
            country_stated=scene.country, city_stated=scene.city,
            source="clueworld", license=LICENSE, attribution=ATTRIBUTION, synthetic=True,
            extra={name: value for name, value in extra.items() if value is not None},
        )  # fmt: skip
