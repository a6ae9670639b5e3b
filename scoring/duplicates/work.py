"""What a long stage has done so far: files in a folder of the lake that outlive a killed run.

The folder is `LAKE/work/STAGE/FINGERPRINT`, of the inputs and settings, so that only a run with
the same ones goes on from it; others are deleted. A file is whole or absent.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from georeasoner.lake import Lake
from georeasoner.lake.files import TEMPORARY, write_bytes


class Work:
    """Under the lake's lock: open it, save and load arrays by name, close it when all is done."""

    def __init__(self, lake: Lake, stage: str, fingerprint: str) -> None:
        self._stage = lake.root / "work" / stage
        self.folder = self._stage / fingerprint
        if self._stage.is_dir():
            for other in self._stage.iterdir():
                if other != self.folder:
                    shutil.rmtree(other)
        self.folder.mkdir(parents=True, exist_ok=True)

    def load(self, name: str) -> dict[str, Any] | None:
        """The arrays saved under a name, or None."""
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return None
        with np.load(path) as arrays:
            return dict(arrays)

    def save(self, name: str, **arrays: Any) -> None:
        """Keep arrays under a name."""
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_bytes(self.folder / f"{name}.npz", content.getvalue())

    def mapped(self, name: str) -> Path:
        """Where a large file of a name is, once it is whole (`finish`)."""
        return self.folder / name

    def unfinished(self, name: str) -> Path:
        """Where to write it until then."""
        return self.folder / (TEMPORARY + name)

    def finish(self, name: str) -> Path:
        """It is whole."""
        return self.unfinished(name).replace(self.mapped(name))

    def close(self) -> None:
        """Nothing is left to do: delete everything."""
        shutil.rmtree(self.folder)
        for folder in (self._stage, self._stage.parent):
            if not any(folder.iterdir()):
                folder.rmdir()
