"""The measuring scripts run; what they measure is for `make perf-...`, on a quiet machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from scoring.clip.source import SHIPPED

PERF = Path(__file__).parent.parent / "perf"


def test_throughput_of_the_score_stage(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--images", "6", "--side", "96", "--batch-size", "4", "--pairs", "1"]
    command = [sys.executable, PERF / "score.py", "--model", SHIPPED, *options, "--out", figures]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(figures.read_text())
    forward = result["forward"]
    assert forward["ratio_median"] == forward["ratios"][0] > 0
    # one ratio of two times is the ratio of two speeds
    speeds = forward["end_to_end_images_per_s"] / forward["other_images_per_s"]
    assert abs(forward["ratio_median"] - speeds) < 1e-9
    assert f"{forward['end_to_end_images_per_s']:.1f} images/s" in done.stdout
