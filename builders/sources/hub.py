"""`hf:REPO`, `hf:REPO@REVISION`, `hf:FOLDER`: a data set of the Hub, or of its format.

It needs a column of images and columns lat and lon (see `builders.fields`). All splits are read as
a stream; the lake keeps the pictures' bytes, or the file where the data set names one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builders.fields import Columns
from builders.source import Input, RawView, Refused
from georeasoner.errors import InputError
from georeasoner.progress import log
from georeasoner.registry import register


@register("view_source", "hf")
def hub(argument: str, seed: int) -> Iterator[Input]:
    """The rows of every split. Raises `InputError` when it cannot be found or has no images."""
    from datasets import Image, load_dataset

    local = Path(argument).is_dir()
    name, _, revision = (argument, "", "") if local else argument.partition("@")
    try:
        splits = load_dataset(name, revision=revision or None, streaming=True)
    except Exception as error:  # the Hub, the network and the files each have their own types
        raise InputError(f"hf:{argument} cannot be loaded: {error}", "a data set's id") from error
    for split, stream in splits.items():
        features = stream.features or {}
        images = [n for n, feature in features.items() if isinstance(feature, Image)]
        if not images:
            raise InputError(f"hf:{argument} has the columns {', '.join(features)}", "an image")
        column = images[0]
        names = [n for n in features if n not in images]
        columns = Columns(names, ("lat", "lon"), f"hf:{argument}")
        log(f"hf:{argument} {split}: kept in extra: {', '.join(columns.extra) or 'nothing'}")
        for number, row in enumerate(stream.cast_column(column, Image(decode=False)), 1):
            where = f"hf:{argument} {split} row {number}"
            yield _view(columns, row, row[column], where, f"hf:{name}")


def _view(
    columns: Columns, row: dict[str, Any], picture: dict[str, Any] | None, where: str, source: str
) -> RawView | Refused:
    if picture is None or (picture["bytes"] is None and not picture["path"]):
        name = columns.get(row, "view_id")
        return Refused(str(name or where), "missing_picture", where)
    if picture["bytes"] is not None:
        return columns.view(row, where, source, data=picture["bytes"])
    return columns.view(row, where, source, uri=picture["path"])
