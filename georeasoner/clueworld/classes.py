"""The ADE20K classes that ClueWorld draws, by their index in MaskFormer's order of 150 names."""

from __future__ import annotations

from typing import Final

CLASS_INDEX: Final[dict[str, int]] = {
    "wall": 0,
    "building": 1,
    "sky": 2,
    "tree": 4,
    "ceiling": 5,
    "road, route": 6,
    "grass": 9,
    "sidewalk, pavement": 11,
    "earth, ground": 13,
    "mountain, mount": 16,
    "plant": 17,
    "car": 20,
    "house": 25,
    "fence": 32,
    "signboard, sign": 43,
    "sand": 46,
    "skyscraper": 48,
    "hill": 68,
    "palm, palm tree": 72,
    "boat": 76,
    "pole": 93,
    "lake": 128,
    "clock": 148,
}

WALL = CLASS_INDEX["wall"]
SKY = CLASS_INDEX["sky"]
TREE = CLASS_INDEX["tree"]
CEILING = CLASS_INDEX["ceiling"]
ROAD = CLASS_INDEX["road, route"]
GRASS = CLASS_INDEX["grass"]
SIDEWALK = CLASS_INDEX["sidewalk, pavement"]
EARTH = CLASS_INDEX["earth, ground"]
MOUNTAIN = CLASS_INDEX["mountain, mount"]
PLANT = CLASS_INDEX["plant"]
CAR = CLASS_INDEX["car"]
HOUSE = CLASS_INDEX["house"]
FENCE = CLASS_INDEX["fence"]
SIGN = CLASS_INDEX["signboard, sign"]
SAND = CLASS_INDEX["sand"]
SKYSCRAPER = CLASS_INDEX["skyscraper"]
HILL = CLASS_INDEX["hill"]
PALM = CLASS_INDEX["palm, palm tree"]
BOAT = CLASS_INDEX["boat"]
POLE = CLASS_INDEX["pole"]
LAKE = CLASS_INDEX["lake"]
CLOCK = CLASS_INDEX["clock"]
