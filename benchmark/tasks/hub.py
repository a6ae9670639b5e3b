"""`hf:REPO@REVISION#SPLIT`: a split of a data set that was published to the Hub."""

from __future__ import annotations

from pathlib import Path

from benchmark.task import Task
from benchmark.tasks.dataset import load as load_folder
from georeasoner.errors import InputError
from georeasoner.registry import register


@register("task", "hf")
def load(rest: str) -> Task:
    """The task of a published data set, downloaded at that revision (default: main)."""
    from huggingface_hub import snapshot_download

    place, _, split = rest.partition("#")
    repository, _, revision = place.partition("@")
    split = split or "test"
    try:
        folder = snapshot_download(
            repository,
            repo_type="dataset",
            revision=revision or None,
            allow_patterns=["README.md", "*.json", f"data/{split}-*.parquet"],
        )
    except (OSError, ValueError) as error:
        raise InputError(
            f"{repository} cannot be had from the Hub: {str(error).splitlines()[0]}",
            "a data set you may read",
        ) from error
    commit = Path(folder).name[:12]
    task = load_folder(f"{folder}#{split}", commit, f"hf:{repository}@{commit}#{split}")
    return Task(**{**task.__dict__, "name": f"{repository}#{split}"})
