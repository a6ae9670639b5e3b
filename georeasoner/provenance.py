"""Where a result comes from: code revision, package versions, configuration, seeds, counts.

`fingerprint` turns anything JSON can hold into a short hash; two runs with the same fingerprint
would make the same rows.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "georeasoner", "datasets", "huggingface_hub", "open_clip_torch", "torch", "transformers",
    "peft", "trl", "faiss-gpu-cuvs", "faiss-cpu", "duckdb", "pyarrow", "numpy", "pillow",
)  # fmt: skip


def fingerprint(*parts: Any) -> str:
    """16 hex digits of the SHA-256 of the parts as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_revision() -> str:
    """The git commit of the checkout ("-dirty" when it has changes), else the version."""
    here = Path(__file__).resolve().parent
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return commit + ("-dirty" if _git(here, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return _version("georeasoner") or "unknown"


def _git(where: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(where), *words], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def provenance(config: dict[str, Any], seed: int | None = None) -> dict[str, Any]:
    """What is stored beside a result, ready for JSON."""
    return {
        "code_revision": code_revision(),
        "versions": {p: v for p in PACKAGES if (v := _version(p))},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "config": config,
        "fingerprint": fingerprint(config),
        "seed": seed,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
