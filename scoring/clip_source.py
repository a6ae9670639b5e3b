"""Which CLIP is meant: a model id in, its files, its revision and its stated readout out.

Ids: an open_clip architecture with a pretrained tag (`ViT-B-32/laion2b_s34b_b79k`), a repository
of the Hugging Face Hub (`org/name` or `hf-hub:org/name`, with `@revision` to pin it), or a folder
(`local-dir:PATH` or the path). A folder or repository holds either an open_clip model
(`open_clip_config.json`) or a transformers CLIP (`config.json` of model_type "clip", such as
geolocal/StreetCLIP). No model is loaded here, so that a run with nothing to do stays fast.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import georeasoner
from georeasoner.errors import ModelError
from georeasoner.provenance import file_sha256

SHIPPED = Path(georeasoner.__file__).parent / "clueworld" / "models" / "clip"
_ACCEPTED = (
    "an open_clip ARCHITECTURE/TAG, a Hub repository, or a folder with open_clip_config.json "
    'or with the config.json of a transformers model of type "clip"'
)
_WEIGHTS = {
    "open_clip": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                  "open_clip_pytorch_model.bin"),
    "transformers": ("model.safetensors", "pytorch_model.bin"),
}  # fmt: skip
_REVISION_DIGITS = 12
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
    weights = sorted(
        p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin", ".pth", ".pt")
    )
    if not weights:
        raise ModelError(f"{folder} holds a config but no weights", " or ".join(_WEIGHTS[kind]))
    config = _json(config_file)
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
    revision = revision or _hash([config_file, *weights])
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
    commit = file.parent.name if file.parent.parent.name == "snapshots" else _hash([file])
    size = _side(config["vision_cfg"].get("image_size", 224))
    return ClipSource(
        f"{architecture}/{tag}", commit[:_REVISION_DIGITS], "open_clip", size,
        tag=(architecture, tag),
    )  # fmt: skip


def _in_repository(repository: str, revision: str | None) -> ClipSource:
    """A snapshot of the hub, without the copies of the weights in other formats."""
    from huggingface_hub import snapshot_download

    def fetch(*patterns: str, at: str | None) -> Path:
        return Path(snapshot_download(repository, revision=at, allow_patterns=list(patterns)))

    try:
        folder = fetch("*.json", "*.txt", "*.model", at=revision)
        kind = "open_clip" if (folder / "open_clip_config.json").is_file() else "transformers"
        for file in (*_WEIGHTS[kind], "model-*-of-*.safetensors"):
            fetch(file, at=folder.name)
            if any(folder.glob(file)):
                break
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{repository} cannot be had from the hub: {reason}", _ACCEPTED) from error
    return _in_folder(folder, repository, folder.name[:_REVISION_DIGITS])


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}", _ACCEPTED) from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds a {type(content).__name__}", "a JSON object")
    return content


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


def _hash(files: list[Path]) -> str:
    joined = "".join(file_sha256(file) for file in files)
    return hashlib.sha256(joined.encode()).hexdigest()[:_REVISION_DIGITS]
