"""One scene of ClueWorld: what is known of it, and the way to its pixels.

A scene is drawn from (seed, role, index) alone. Place and clues come from one random stream,
everything else in the picture (camera, clouds, colours, layout) from another that knows nothing
of the place, so that only the clues in `Scene.clues` can tell where it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np

from georeasoner.errors import InputError

if TYPE_CHECKING:
    from georeasoner.clueworld.drawing.picture import Picture

Role = Literal["build", "heldout"]
ROLES: tuple[Role, ...] = ("build", "heldout")
Broken = Literal["truncated", "empty", "text"]
BROKEN_KINDS: tuple[Broken, ...] = ("truncated", "empty", "text")
SIZE_PX = 224
QUALITY = 90


@dataclass(frozen=True)
class Scene:
    """One view with its whole truth.

    `clues` holds the visible clues only, in the table's order of kinds. `locatability` is the
    largest posterior over countries given them, in [0, 1]. A near-duplicate shows the scene
    `near_duplicate_of` again from a heading a few degrees off. `broken` says how the file of a
    broken view is damaged; its other fields say what it would have shown.
    """

    seed: int
    index: int
    role: Role
    view_id: str
    sequence_id: str
    captured_at: datetime
    kind: str
    country: str
    city: str
    lat: float
    lon: float
    heading_deg: float
    clues: dict[str, str]
    locatability: float
    picture_index: int
    near_duplicate_of: str | None = None
    turned_deg: float = 0.0
    broken: Broken | None = None

    width: int = SIZE_PX
    height: int = SIZE_PX

    @property
    def file_name(self) -> str:
        """Name of the scene's image file."""
        return f"{self.view_id}.jpg"

    def render(self) -> Picture:
        """Draw the picture and its mask, (H, W, 3) and (H, W), also for a broken view."""
        from georeasoner.clueworld.drawing.picture import draw, turn

        rng = np.random.default_rng([self.seed, ROLES.index(self.role), self.picture_index, 1])
        picture = draw(self.kind, self.clues, rng)
        if self.near_duplicate_of is not None:
            picture = turn(picture, self.turned_deg)
        return picture

    def jpeg(self) -> bytes:
        """The view's file: a JPEG, or the damaged bytes of a broken view."""
        if self.broken == "empty":
            return b""
        if self.broken == "text":
            return f"This is no picture, whatever {self.file_name} says.\n".encode()
        again = self.near_duplicate_of is not None
        quality = 60 + self.index % 20 if again else QUALITY
        buffer = io.BytesIO()
        self.render().image.save(buffer, format="JPEG", quality=quality)
        data = buffer.getvalue()
        return data[: len(data) // 3] if self.broken == "truncated" else data


def check_role(role: str) -> Role:
    """The role, if it is one. Raises `InputError`."""
    for known in ROLES:
        if role == known:
            return known
    raise InputError(f"role {role!r}", f"one of {', '.join(ROLES)}")
