"""A model's files: from a folder or from the Hub, and the revision that names them for good."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from georeasoner.errors import ModelError
from georeasoner.provenance import file_sha256

REVISION_DIGITS = 12
TRANSFORMERS_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".bin", ".pth", ".pt")
_SHARDED = "model-*-of-*.safetensors"


def find_folder(model_id: str, accepted: str) -> tuple[Path, str, str | None]:
    """The files of a transformers model: (folder, name, commit or None for a folder of one's own).

    An id is a folder (`local-dir:PATH` or the path) or a repository of the Hub (`org/name`, with
    `@revision` to pin it). Raises `ModelError` with `accepted` as what was expected.
    """
    text = model_id.removeprefix("local-dir:")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return folder, folder.resolve().name, None
    if text != model_id or text.startswith((".", "/", "~")):
        raise ModelError(f"there is no folder {text!r}", accepted)
    repository, _, revision = model_id.removeprefix("hf-hub:").partition("@")
    if "/" not in repository:
        raise ModelError(f"model {model_id!r} is unknown", accepted)
    folder = download(repository, revision or None, lambda _: TRANSFORMERS_WEIGHTS, accepted)
    return folder, repository, folder.name[:REVISION_DIGITS]


def download(
    repository: str,
    revision: str | None,
    weights: Callable[[Path], Sequence[str]],
    accepted: str,
) -> Path:
    """A snapshot of the Hub, without the copies of the weights in other formats.

    `weights` names the files to look for, in their order, once the configs are there. Raises
    `ModelError`.
    """
    from huggingface_hub import snapshot_download

    def fetch(*patterns: str, at: str | None) -> Path:
        return Path(snapshot_download(repository, revision=at, allow_patterns=list(patterns)))

    try:
        folder = fetch("*.json", "*.txt", "*.model", at=revision)
        for file in (*weights(folder), _SHARDED):
            fetch(file, at=folder.name)
            if any(folder.glob(file)):
                break
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{repository} cannot be had from the hub: {reason}", accepted) from error
    return folder


def weight_files(folder: Path) -> list[Path]:
    """Every file of weights in a folder, in order."""
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)


def read_json(path: Path, accepted: str) -> dict[str, Any]:
    """A JSON object. Raises `ModelError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}", accepted) from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds a {type(content).__name__}", "a JSON object")
    return content


def content_revision(files: Sequence[Path]) -> str:
    """The first digits of a hash of the files' bytes: the revision of what no hub has named."""
    joined = "".join(file_sha256(file) for file in files)
    return hashlib.sha256(joined.encode()).hexdigest()[:REVISION_DIGITS]
