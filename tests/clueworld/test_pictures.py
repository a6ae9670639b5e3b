"""Pictures, masks and files of ClueWorld."""

import io

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from georeasoner.clueworld import World
from georeasoner.clueworld.classes import CLASS_INDEX
from georeasoner.clueworld.drawing.picture import draw

# The ADE20K class that a value brings into an otherwise empty open scene (sky, road, pavement).
# Markings lie on the road and bring none.
BRINGS = {
    ("driving_side", "left"): "car",
    ("driving_side", "right"): "car",
    ("bollard", None): "pole",
    ("pole", None): "pole",
    ("road_sign", None): "signboard, sign",
    ("script", None): "signboard, sign",
    ("barrier", "guardrail"): "fence",
    ("barrier", "wooden"): "fence",
    ("barrier", "wire"): "fence",
    ("barrier", "stone"): "wall",
    ("barrier", "concrete"): "wall",
    ("roof", None): "house",
    ("vegetation", "palm"): "palm, palm tree",
    ("vegetation", "cactus"): "plant",
    ("vegetation", None): "tree",
    ("soil", "grass"): "grass",
    ("soil", "sand"): "sand",
    ("soil", None): "earth, ground",
    ("skyline", "hills"): "hill",
    ("skyline", "towers"): "skyscraper",
    ("skyline", "lake"): "lake",
    ("skyline", None): "mountain, mount",
    ("sun_side", None): "clock",
}
EMPTY = {CLASS_INDEX[name] for name in ("sky", "road, route", "sidewalk, pavement")}


@pytest.fixture(scope="module")
def world() -> World:
    return World.load()


def open_scene(clues: dict[str, str], seed: int = 0):
    picture = draw("open", clues, np.random.default_rng(seed))
    return np.asarray(picture.image).astype(int), picture.mask


def test_class_indices_are_those_of_the_published_list() -> None:
    from scoring.locatability import class_names

    names = class_names()
    assert all(names[index].strip() == name for name, index in CLASS_INDEX.items())


def test_a_clue_is_in_the_mask_when_visible_and_only_then(world: World) -> None:
    assert set(np.unique(open_scene({})[1])) == EMPTY
    for kind in world.kinds:
        for value in kind.values:
            cls = BRINGS.get((kind.name, value)) or BRINGS.get((kind.name, None))
            if cls is None:
                continue
            mask = open_scene({kind.name: value})[1]
            assert (mask == CLASS_INDEX[cls]).sum() >= 300, (kind.name, value)


def test_every_value_changes_enough_pixels_to_be_seen(world: World) -> None:
    """Any two values of a kind, drawn with the same chances, differ over 100 pixels or more."""
    for kind in world.kinds:
        base = {kind.needs: "left"} if kind.needs else {}
        drawn = [open_scene(base | {kind.name: value})[0] for value in kind.values]
        for i, one in enumerate(drawn):
            for other in drawn[:i]:
                differ = np.abs(one - other).max(axis=2) > 60
                assert differ.sum() >= 100, kind.name


def test_mask_and_picture_are_aligned() -> None:
    # Yellow is nowhere in this scene but on the plate, and that is on the car.
    pixels, mask = open_scene({"driving_side": "right", "plate": "yellow"})
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 150) & (pixels[..., 2] < 90)
    assert yellow.sum() > 250
    assert (mask[yellow] == CLASS_INDEX["car"]).all()
    # Red soil: no pixel of road or sky is as much redder than blue, so but for pixels on an edge
    # (which mix two colours) colour and class agree everywhere.
    pixels, mask = open_scene({"soil": "red"}, seed=1)
    red = pixels[..., 0] - pixels[..., 2] > 70
    moved = [np.roll(mask, s, axis=(0, 1)) for s in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    inside = np.all([mask == other for other in moved], axis=0)
    assert inside.mean() > 0.97
    assert (red == (mask == CLASS_INDEX["earth, ground"]))[inside].all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_cars_keep_to_their_side(side: str) -> None:
    for seed in range(8):  # mirrored roadsides must not mirror the traffic
        clues = {"driving_side": side, "plate": "yellow"}
        pixels, _ = open_scene(clues, seed)
        yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 150) & (pixels[..., 2] < 90)
        x = np.nonzero(yellow)[1].mean()
        assert (x < 112) == (side == "left")


def test_only_the_scene_decides_the_pixels(world: World) -> None:
    scene = world.scene(12, seed=8)
    one, two = scene.render(), World(world.table).scene(12, seed=8).render()
    assert one.image.tobytes() == two.image.tobytes() and (one.mask == two.mask).all()
    assert one.image.size == (224, 224) and one.mask.shape == (224, 224)
    assert one.image.mode == "RGB" and one.mask.dtype == np.uint8 and one.mask.max() < 150
    assert scene.jpeg() == scene.jpeg()


@pytest.mark.parametrize("kind", ["tunnel", "hedge", "fog", "wall"])
def test_scenes_without_clues_bring_no_class_of_a_clue(kind: str) -> None:
    for seed in range(4):
        mask = draw(kind, {}, np.random.default_rng(seed)).mask
        allowed = {"wall", "ceiling", "plant", "sky", "road, route", "sidewalk, pavement"}
        assert set(np.unique(mask)) <= {CLASS_INDEX[name] for name in allowed}


def test_near_duplicates_look_alike_and_broken_files_are_broken(world: World) -> None:
    scenes = [world.scene(i, seed=3) for i in range(1200)]
    by_id = {s.view_id: s for s in scenes}

    def small(scene):
        return np.asarray(scene.render().image.resize((28, 28)), dtype=float).ravel()

    repeats = [s for s in scenes if s.near_duplicate_of][:20]
    for s in repeats:
        first, other = by_id[s.near_duplicate_of], by_id[scenes[s.index - 30].view_id]
        assert s.jpeg() != first.jpeg()
        assert np.corrcoef(small(s), small(first))[0, 1] > 0.8
        if other.clues != first.clues:
            distance = [np.abs(small(s) - small(x)).mean() for x in (first, other)]
            assert distance[0] < distance[1]
    seen = set()
    for s in scenes:
        if s.broken:
            seen.add(s.broken)
            with pytest.raises((OSError, UnidentifiedImageError)):
                Image.open(io.BytesIO(s.jpeg())).load()
    assert seen == {"truncated", "empty", "text"}
