"""`georeasoner doctor`: what is installed, which devices and keys are there, what is missing."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from georeasoner.cli.main import app

_PACKAGES = {
    "torch": "scoring, tuning, benchmarking",
    "open_clip_torch": "open_clip models",
    "transformers": "vision-language models, StreetCLIP",
    "peft": "LoRA adapters",
    "trl": "tuning",
    "datasets": "data sets",
    "huggingface_hub": "publishing",
    "duckdb": "sql",
    "scrapy": "scrape",
    "ray": "score --engine ray, on a cluster too; pip install -c constraints.txt -e '.[ray]'",
}
_KEYS = {
    "HF_TOKEN": "publish to and read private repositories of the Hub",
    "MAPILLARY_TOKEN": "ingest mapillary:BBOX",
    "REDDIT_TOKEN": "scrape reddit; or REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET",
}


@app.command()
def doctor() -> None:
    """What is installed, which devices and keys are there, what each missing piece would enable.

    Example: `georeasoner doctor`
    """
    for package, use in _PACKAGES.items():
        _line(package, _version(package), use)
    faiss = _version("faiss-gpu-cuvs") or _version("faiss-cpu")
    _line("faiss", faiss, "dedup, nearest-neighbour baseline")
    import torch

    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    _line("CUDA device", cuda, "scoring and tuning at speed; all runs on a CPU, slowly")
    for key, use in _KEYS.items():
        _line(key, "set" if os.environ.get(key) else None, use)
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    free_gb = shutil.disk_usage(home if home.exists() else Path.home()).free / 1e9
    _line("disk beside the Hub's cache", f"{free_gb:.0f} GB free", "models and data sets")
    _line("Hub", "offline by HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else "allowed", "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _line(what: str, found: str | None, use: str) -> None:
    print(f"{what:<28} {found or 'missing':<24} {use}".rstrip())
