"""Every test runs offline; what reads ../shared skips with a reason where it is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of reference data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference data in {SHARED.name} beside the repository is not here")
    return SHARED


@pytest.fixture
def georeasoner(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., SimpleNamespace]:
    """The command line: (words...) to its exit code and what it wrote to stdout and stderr."""
    from georeasoner.cli import main

    def call(*words: object) -> SimpleNamespace:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["georeasoner", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        written = capfd.readouterr()
        return SimpleNamespace(code=left.value.code or 0, out=written.out, err=written.err)

    return call
