"""`webdataset:GLOB`: tar shards whose pictures have a json beside them, by the same key.

The json's fields are those of a table's row without the file. The lake keeps where each picture
lies (shard, offset, length), so shards stay where they are.
"""

from __future__ import annotations

import glob
import json
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from builders.fields import Columns
from builders.source import Ignored, Input, RawView, Refused
from builders.sources.folder import SUFFIXES
from georeasoner.errors import InputError
from georeasoner.registry import register


@register("view_source", "webdataset")
def webdataset(argument: str, seed: int) -> Iterator[Input]:
    """The samples of all shards that match a pattern (`**` goes into folders)."""
    shards = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207, the pattern may be absolute
    if not shards:
        raise InputError(f"no file matches {argument}", "a pattern of uncompressed tar files")
    for shard in shards:
        path = Path(shard).resolve()
        try:
            with tarfile.open(path, "r:") as tar:  # an offset means nothing in a compressed one
                members = (member for member in tar if member.isfile())
                for key, group in groupby(members, lambda member: _split(member.name)[0]):
                    yield _sample(path, key, tar, list(group))
        except (tarfile.TarError, OSError) as error:
            yield Refused(str(path), "unreadable_shard", f"{error}; uncompressed tar files only")


def _split(name: str) -> tuple[str, str]:
    """The sample's key and the lower-case suffix: all of the file's name after its first dot."""
    folder, _, file = name.rpartition("/")
    stem, dot, suffix = file.partition(".")
    return f"{folder}/{stem}" if folder else stem, (dot + suffix).lower()


def _sample(path: Path, key: str, tar: tarfile.TarFile, members: list[tarfile.TarInfo]) -> Input:
    where = f"{path} {key}"
    pictures = [m for m in members if Path(_split(m.name)[1]).suffix in SUFFIXES
                or _split(m.name)[1] in SUFFIXES]  # fmt: skip
    if not pictures:
        return Ignored("sample_without_picture")
    picture = pictures[0]
    slice_ = {"uri": str(path), "offset": picture.offset_data, "length": picture.size}
    sidecar = next((m for m in members if _split(m.name)[1] == ".json"), None)
    if sidecar is None:
        return RawView(where=where, lat=None, lon=None, source="webdataset", **slice_)
    try:
        file = tar.extractfile(sidecar)
        row = json.loads(file.read()) if file is not None else None
    except ValueError as error:
        return Refused(where, "malformed_row", f"{sidecar.name}: {error}")
    if not isinstance(row, dict):
        return Refused(where, "malformed_row", f"{sidecar.name} is no JSON object")
    return Columns(row, (), path.name).view(row, where, f"webdataset:{path.name}", **slice_)
