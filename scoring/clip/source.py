"""Which CLIP is meant: a model id in, its files, its revision and its stated readout out.

Ids: an open_clip architecture with a pretrained tag (`ViT-B-32/laion2b_s34b_b79k`), a repository
of the Hugging Face Hub (`org/name` or `hf-hub:org/name`, with `@revision` to pin it), or a folder
(`local-dir:PATH` or the path). A folder or repository holds either an open_clip model
(`open_clip_config.json`) or a transformers CLIP (`config.json` of model_type "clip", such as
geolocal/StreetCLIP). No model is loaded here, so that a run with nothing to do stays fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import georeasoner
from georeasoner.errors import ModelError
from scoring.model_files import (
    REVISION_DIGITS,
    TRANSFORMERS_WEIGHTS,
    content_revision,
    download,
    read_json,
    weight_files,
)

SHIPPED = Path(georeasoner.__file__).parent / "clueworld" / "models" / "clip"
_ACCEPTED = (
    "an open_clip ARCHITECTURE/TAG, a Hub repository, or a folder with open_clip_config.json "
    'or with the config.json of a transformers model of type "clip"'
)
_WEIGHTS = {
    "open_clip": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                  "open_clip_pytorch_model.bin"),
    "transformers": TRANSFORMERS_WEIGHTS,
}  # fmt: skip
_DEFAULT_PROMPTS = (
    "{}",
    "a photo of a {}.",
    "a street view photo of a {}.",
    "there is a {} in the scene.",
)


class Readout(BaseModel):
    """How class shares are read from a model: the `georeasoner` section of its config file.

    `maskclip` takes the value path of the last block (Zhou et al. 2022), for models trained on
    whole pictures only; `tokens` projects the last block's own patch tokens, for models trained
    to have them lie in the text space. `temperature` replaces the model's own (1 / logit scale).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dense_readout: Literal["maskclip", "tokens"] = "maskclip"
    temperature: float | None = Field(default=None, gt=0)
    class_prompts: tuple[str, ...] = Field(default=_DEFAULT_PROMPTS, min_length=1)
    synthetic_only: bool = False


@dataclass(frozen=True)
class ClipSource:
    """A model that is there: where its files are and what it is called."""

    name: str
    revision: str
    kind: Literal["open_clip", "transformers"]
    image_size: int  # pixels of the model's square input
    folder: Path | None = None  # of the config and the weights
    tag: tuple[str, str] | None = None  # open_clip architecture and pretrained tag
    readout: Readout = field(default_factory=Readout)

    @property
    def id(self) -> str:
        """`name@revision`: a hub commit, or the hash of the config and the weights."""
        return f"{self.name}@{self.revision}"


def resolve_clip(model_id: str | None = None) -> ClipSource:
    """The model of that id, downloaded if need be; without an id the one that ships.

    Raises `ModelError` when there is no such model or it is not a CLIP.
    """
    if model_id is None:
        return _in_folder(SHIPPED, "clueworld-clip")
    text = model_id.removeprefix("local-dir:")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _in_folder(folder, folder.resolve().name)
    if text != model_id or text.startswith((".", "/", "~")):
        raise ModelError(f"there is no folder {text!r}", _ACCEPTED)
    repository, _, revision = model_id.removeprefix("hf-hub:").partition("@")
    architecture, _, tag = repository.partition("/")
    if not model_id.startswith("hf-hub:") and (source := _pretrained_tag(architecture, tag)):
        return source
    if "/" not in repository:
        raise ModelError(f"model {model_id!r} is unknown", _ACCEPTED)
    return _in_repository(repository, revision or None)


def _in_folder(folder: Path, name: str, revision: str | None = None) -> ClipSource:
    kind: Literal["open_clip", "transformers"] = "open_clip"
    config_file = folder / "open_clip_config.json"
    if not config_file.is_file():
        config_file, kind = folder / "config.json", "transformers"
    if not config_file.is_file():
        raise ModelError(f"{folder} holds no model", _ACCEPTED)
    weights = weight_files(folder)
    if not weights:
        raise ModelError(f"{folder} holds a config but no weights", " or ".join(_WEIGHTS[kind]))
    config = read_json(config_file, _ACCEPTED)
    readout = _readout(config.get("georeasoner", {}), config_file)
    try:
        if kind == "transformers":
            if config.get("model_type") != "clip":
                raise ModelError(
                    f"{config_file} is of model_type {config.get('model_type')!r}", _ACCEPTED
                )
            size = config["vision_config"].get("image_size", 224)
        else:
            size = config["model_cfg"]["vision_cfg"].get("image_size", 224)
    except (KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{config_file} lacks {error}", "the config of a CLIP") from error
    revision = revision or content_revision([config_file, *weights])
    return ClipSource(name, revision, kind, _side(size), folder=folder, readout=readout)


def _pretrained_tag(architecture: str, tag: str) -> ClipSource | None:
    import open_clip

    config = open_clip.get_model_config(architecture) if architecture else None
    if config is None:
        return None
    known = open_clip.list_pretrained_tags_by_model(architecture)
    if tag not in known:
        raise ModelError(
            f"open_clip has no weights {tag!r} for {architecture}",
            "one of " + ", ".join(f"{architecture}/{t}" for t in known),
        )
    try:
        file = Path(open_clip.download_pretrained(open_clip.get_pretrained_cfg(architecture, tag)))
    except Exception as error:  # whatever the hub client or urllib raise
        raise ModelError(
            f"the weights of {architecture}/{tag} cannot be had: {error}", "", "is the network up?"
        ) from error
    from_hub = file.parent.parent.name == "snapshots"
    commit = file.parent.name if from_hub else content_revision([file])
    size = _side(config["vision_cfg"].get("image_size", 224))
    return ClipSource(
        f"{architecture}/{tag}", commit[:REVISION_DIGITS], "open_clip", size,
        tag=(architecture, tag),
    )  # fmt: skip


def _in_repository(repository: str, revision: str | None) -> ClipSource:
    def kind(folder: Path) -> str:
        return "open_clip" if (folder / "open_clip_config.json").is_file() else "transformers"

    folder = download(repository, revision, lambda f: _WEIGHTS[kind(f)], _ACCEPTED)
    return _in_folder(folder, repository, folder.name[:REVISION_DIGITS])


def _readout(section: Any, path: Path) -> Readout:
    try:
        return Readout.model_validate(section)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("georeasoner", *first["loc"])))
        raise ModelError(
            f"{path}: {where}: {first['msg']}", f"{sorted(Readout.model_fields)}"
        ) from error


def _side(size: Any) -> int:
    return int(max(size) if isinstance(size, list | tuple) else size)
