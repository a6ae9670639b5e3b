"""Other people's tools to measure against, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

BUILD = Path("build") / "perf"
REQUIREMENTS = {
    "clip-retrieval": ("clip-retrieval==2.45.0",),
    "imagededup": ("imagededup==0.3.3.post2",),
}


def rival_python(name: str) -> Path:
    """The interpreter of a tool's environment, made on the first call; torch is of our version."""
    folder = BUILD / name
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        same = [f"{package}=={version(package)}" for package in ("torch", "torchvision")]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS[name], *same], check=True
        )
        ready.touch()
    return python
