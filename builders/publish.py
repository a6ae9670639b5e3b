"""Publishing to the Hub, verified by reading back what arrived.

A data set that `build` made, or the adapters that `finetune` made, goes in; a commit on the Hub
comes out, downloaded again and compared file by file. `huggingface_hub` and `datasets` read their
settings when they are imported, so publishing to another endpoint (a server on loopback) runs in a
process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from georeasoner.errors import InputError, PublishError
from georeasoner.provenance import file_sha256

_MARKER = "provenance.json"


def publish_dataset(
    dataset: str | Path,
    repo_id: str,
    private: bool = False,
    revision: str | None = None,
    synthetic: bool = False,
    endpoint: str | None = None,
) -> str:
    """Publish a data set's folder; the line that says what arrived where.

    `revision` tags the commit. Raises `PublishError` when the data may not be published (synthetic
    data without `synthetic`, views that may not be redistributed with their pixels), when a file is
    not the one that was built, when the Hub refuses, or when what arrived differs.
    """
    folder = Path(dataset)
    record = _checked_dataset(folder, synthetic)
    if endpoint is not None:
        return _elsewhere("dataset", folder, repo_id, private, revision, endpoint)
    commit = _upload(folder, repo_id, "dataset", private, revision)
    rows = _read_back(folder, repo_id, "dataset", commit, record["contents"]["splits"])
    return f"published {folder} as datasets/{repo_id}@{commit[:12]}, read back: {rows}"


def publish_adapters(
    adapters: str | Path,
    repo_id: str,
    private: bool = False,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Publish the folder with `lora1` and `lora2`; raises as `publish_dataset` does."""
    folder = Path(adapters)
    found = sorted(p.parent.name for p in folder.glob("*/adapter_config.json"))
    if not found:
        raise InputError(f"{folder} has no adapters", "lora1 and lora2 of `finetune`")
    if endpoint is not None:
        return _elsewhere("model", folder, repo_id, private, revision, endpoint)
    commit = _upload(folder, repo_id, "model", private, revision)
    _read_back(folder, repo_id, "model", commit, None)
    return f"published {folder} as {repo_id}@{commit[:12]}, read back: {', '.join(found)}"


def _checked_dataset(folder: Path, synthetic: bool) -> dict[str, Any]:
    """The data set's provenance, if it may be published as it is."""
    path = folder / _MARKER
    if not path.is_file():
        raise InputError(f"{folder} has no {_MARKER}", "a folder that `georeasoner build` made")
    record: dict[str, Any] = json.loads(path.read_text())
    contents = record["contents"]
    if contents["synthetic_views"] and not synthetic:
        raise PublishError(
            f"{contents['synthetic_views']:,} views of {folder} are synthetic", "",
            "say so with --synthetic",
        )  # fmt: skip
    if record["config"]["local_only"] and contents["not_redistributable_views"]:
        raise PublishError(
            f"{contents['not_redistributable_views']:,} views of {folder} may not be redistributed",
            "a data set built without local_only, which leaves out their pixels",
        )
    for name, sha256 in record["files"].items():
        if not (folder / name).is_file() or file_sha256(folder / name) != sha256:
            raise PublishError(f"{folder / name} is not the file that was built", "", "build again")
    return record


def _upload(folder: Path, repo_id: str, kind: str, private: bool, revision: str | None) -> str:
    """One commit with the whole folder; its name."""
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            repo_type=kind,
            folder_path=folder,
            commit_message=f"Publish {folder.name}",
            ignore_patterns=["*/README.md"] if kind == "model" else None,
            delete_patterns=["*.parquet"] if kind == "dataset" else None,
        ).oid
        if revision is not None:
            api.create_tag(repo_id, tag=revision, revision=commit, repo_type=kind, exist_ok=True)
    except Exception as error:  # the Hub's own errors, and all that its HTTP client may raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PublishError(
            f"the Hub at {api.endpoint} did not take {folder}: {reason}", "",
            "it must be reachable, and HF_TOKEN a token that may write to that repository",
        ) from error  # fmt: skip
    return str(commit)


def _read_back(
    folder: Path, repo_id: str, kind: str, commit: str, splits: dict[str, int] | None
) -> str:
    """Download the commit, compare every file, load every configuration; the rows as text."""
    from huggingface_hub import snapshot_download

    with tempfile.TemporaryDirectory() as temporary:
        there = Path(
            snapshot_download(repo_id, repo_type=kind, revision=commit, local_dir=temporary)
        )
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder)
            if kind == "model" and name.name == "README.md":
                continue
            if not (there / name).is_file() or file_sha256(there / name) != file_sha256(path):
                raise PublishError(f"{name} did not arrive whole in {repo_id}@{commit}")
        return _loaded(there, splits) if splits is not None else ""


def _loaded(folder: Path, splits: dict[str, int]) -> str:
    """The rows of each configuration, as `datasets` loads them from what was downloaded."""
    from datasets import get_dataset_config_names, load_dataset

    said = []
    with tempfile.TemporaryDirectory() as cache:
        for name in get_dataset_config_names(str(folder)):
            loaded = load_dataset(str(folder), name, cache_dir=cache)
            rows = {split: part.num_rows for split, part in loaded.items()}
            if name == "views" and rows != splits:
                raise PublishError(f"the Hub has {rows} views", f"{splits} as built")
            said.append(f"{name} {sum(rows.values()):,}")
    return ", ".join(said)


def _elsewhere(
    kind: str, folder: Path, repo_id: str, private: bool, revision: str | None, endpoint: str
) -> str:
    """The same in a process whose libraries were imported with another endpoint."""
    asked = json.dumps([kind, str(folder.resolve()), repo_id, private, revision])
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "HF_ENDPOINT": endpoint, "HF_TOKEN": os.environ.get("HF_TOKEN", "local"),
            "HF_HOME": home, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "builders.publish", asked],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise PublishError(f"publishing to {endpoint} failed: {reason}")
    return done.stdout.strip().splitlines()[-1]


def _main() -> None:
    """The child process: publish what the one argument says, print the line."""
    kind, folder, repo_id, private, revision = json.loads(sys.argv[1])
    if kind == "dataset":
        line = publish_dataset(folder, repo_id, private, revision, synthetic=True)
    else:
        line = publish_adapters(folder, repo_id, private, revision)
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    _main()
