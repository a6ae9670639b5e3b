"""Label sets of other data sets are read as ADE20K classes by name and by the written mapping."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from scoring import labels as module
from scoring.labels import map_labels
from scoring.locatability import class_names

# the 150 names of the label file that SegFormer, BEiT and UPerNet use on the Hub, in its order
HUB_NAMES = """wall|building|sky|floor|tree|ceiling|road|bed |windowpane|grass|cabinet|sidewalk
person|earth|door|table|mountain|plant|curtain|chair|car|water|painting|sofa|shelf|house|sea|mirror|rug
field|armchair|seat|fence|desk|rock|wardrobe|lamp|bathtub|railing|cushion|base|box|column|signboard
chest of drawers|counter|sand|sink|skyscraper|fireplace|refrigerator|grandstand|path|stairs|runway
case|pool table|pillow|screen door|stairway|river|bridge|bookcase|blind|coffee table|toilet|flower
book|hill|bench|countertop|stove|palm|kitchen island|computer|swivel chair|boat|bar|arcade machine
hovel|bus|towel|light|truck|tower|chandelier|awning|streetlight|booth|television receiver|airplane
dirt track|apparel|pole|land|bannister|escalator|ottoman|bottle|buffet|poster|stage|van|ship
fountain|conveyer belt|canopy|washer|plaything|swimming pool|stool|barrel|basket|waterfall|tent|bag
minibike|cradle|oven|ball|food|step|tank|trade name|microwave|pot|animal|bicycle|lake|dishwasher
screen|blanket|sculpture|hood|sconce|vase|traffic light|tray|ashcan|fan|pier|crt screen|plate
monitor|bulletin board|shower|radiator|glass|clock|flag""".replace("\n", "|").split("|")

# the 35 of the Cityscapes label file; the 19 evaluated ones are among them
CITYSCAPES = """unlabeled|ego vehicle|rectification border|out of roi|static|dynamic|ground|road
sidewalk|parking|rail track|building|wall|fence|guard rail|bridge|tunnel|pole|polegroup
traffic light|traffic sign|vegetation|terrain|sky|person|rider|car|truck|bus|caravan|trailer|train
motorcycle|bicycle|license plate""".replace("\n", "|").split("|")
NO_CLASS = {"unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic",
            "rail track", "tunnel", "train"}  # fmt: skip


def test_ade20k_in_its_own_order_and_under_both_names() -> None:
    assert len(HUB_NAMES) == 150
    for names in (class_names(), HUB_NAMES):
        assert map_labels(list(names)).index.tolist() == list(range(150))


def test_cityscapes_and_vistas() -> None:
    known = map_labels(["road", "Traffic_Sign", "vegetation", "terrain", "train", "rider", "xyz"])
    names = [None if k < 0 else class_names()[k] for k in known.index]
    assert names == ["road, route", "signboard, sign", "tree", "grass", None, "person", None]
    assert known.unmatched == ["train", "xyz"]
    assert set(map_labels(CITYSCAPES).unmatched) == NO_CLASS and len(CITYSCAPES) == 35


def test_every_label_of_vistas_by_its_path_and_its_name() -> None:
    """vistas.csv has the label files of versions 1.2 (66) and 2.0 (124), and the class by hand."""
    with Path(__file__).with_name("vistas.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["version"] for row in rows) == {"1.2": 66, "2.0": 124}
    short = [name.partition(",")[0] for name in class_names()]
    expected = [short.index(row["ade20k"]) if row["ade20k"] else -1 for row in rows]
    for column in ("path", "name"):
        found = map_labels([row[column] for row in rows])
        wrong = np.flatnonzero(found.index != expected)
        assert not len(wrong), [found.labels[k] for k in wrong]
    underscores = [row["name"].replace(" ", "_") for row in rows]
    assert map_labels(underscores).index.tolist() == expected


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("car;auto;automobile", "car"), ("door;double door", "door"), ("Road;route", "road, route"),
        ("sky-other-merged", "sky"), ("wall-brick", "wall"), ("tree-merged", "tree"),
        ("pavement-merged", "sidewalk, pavement"), ("stop sign", "signboard, sign"),
    ],
)  # fmt: skip
def test_spellings_of_other_models(label: str, name: str) -> None:
    (index,) = map_labels([label]).index
    assert class_names()[index] == name


@pytest.mark.parametrize("label", ["background", "other", "LABEL_0", "", "void", "N/A"])
def test_what_is_no_class_is_none(label: str) -> None:
    assert map_labels([label]).unmatched == [label]


def test_every_line_of_the_mapping_names_a_class() -> None:
    groups = yaml.safe_load(Path(module.__file__).with_name("labels.yaml").read_text())
    named = {name for group in groups.values() for name in group.values() if name is not None}
    assert named <= set(class_names())


def test_shares_are_added_up_and_the_unmatched_left_out() -> None:
    """Road 0.5 and crosswalk 0.25 are both road; the train's 0.25 is nobody's."""
    shares = map_labels(["road", "Crosswalk - Plain", "train"]).shares(
        np.array([[0.5, 0.25, 0.25]])
    )
    assert shares.shape == (1, 150) and shares[0, 6] == 0.75 and shares.sum() == 0.75


def test_columns_of_real_photographs(shared_data: Path) -> None:
    """Every `share_` column of Global Streetscapes is a class, or known to be none."""
    with (shared_data / "streetscapes" / "views.csv").open() as file:
        columns = next(csv.reader(file))
    names = [c.removeprefix("share_") for c in columns if c.startswith("share_")]
    assert map_labels(names).unmatched == ["train", "void"] and len(names) == 20


@pytest.mark.parametrize(("label", "index"), [("screen", 130), ("stool", 110), ("pot", 125)])
def test_a_synonym_of_several_classes_is_the_one_it_names(label: str, index: int) -> None:
    assert map_labels([label]).index.tolist() == [index]
