"""What a source writes in a field, and what is made of it: values, times, licences."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from builders.fields import capture_time, heading, plain
from builders.licences import hub_id, redistributable


@pytest.mark.parametrize(
    ("licence", "open_", "hub"),
    [
        ("CC-BY-SA-4.0", True, "cc-by-sa-4.0"),
        ("CC BY 4.0", True, "cc-by-4.0"),
        ("cc0", True, "cc0-1.0"),
        ("Creative Commons Attribution", True, "other"),
        ("https://creativecommons.org/licenses/by-sa/4.0/", True, "cc-by-sa-4.0"),
        ("Public Domain", True, "other"),
        ("ODbL", True, "odbl"),
        ("PDDL-1.0", True, "pddl"),
        ("CC BY 3.0 DE", True, "other"),
        ("Etalab-2.0", True, "etalab-2.0"),
        ("Licence Ouverte 2.0", True, "etalab-2.0"),
        ("All rights reserved", False, "other"),
        ("CCTV footage", False, "other"),
        ("public", False, "other"),
        ("", False, "other"),
        (None, False, "unknown"),
    ],
)
def test_licences(licence, open_, hub):
    assert redistributable(licence) is open_
    assert hub_id(licence) == hub


def test_values_of_fields():
    assert [plain(v) for v in ("0.50", "007", " x ", "", float("nan"), [1.5, float("inf")])] == [
        0.5, "007", "x", None, None, [1.5, None],
    ]  # fmt: skip
    assert [heading(v) for v in ("370", -90, None, "north", "nan")] == [10, 270, None, None, None]
    noon = datetime(2020, 6, 1, 12, tzinfo=UTC)
    # 2020-06-01T12:00Z is 1591012800 s after 1970
    for stated in ("2020-06-01T14:00:00+02:00", "1591012800", 1591012800000, noon):
        assert capture_time(stated, None) == (noon, ())
    assert capture_time("2020-06-01 07:00", -75.0)[0] == noon  # 75 / 15 = 5 hours behind
    assert capture_time("2020-06-01 07:00", None) == (None, ("capture_time_without_zone",))
    assert capture_time("yesterday", 0.0) == (None, ("capture_time_unreadable",))
