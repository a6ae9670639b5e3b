"""Where the pixels are: a row of `images` in, the file's bytes out."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from georeasoner.errors import InputError


def read_image(row: Mapping[str, Any], root: Path) -> bytes:
    """The encoded bytes of one row of `images`.

    `uri` is a path (relative ones start at `root`) or any fsspec URL (`zip://a.jpg::pack.zip`,
    `https://...`); with `offset` and `length` only that slice is read. Raises `InputError` where
    nothing can be read.
    """
    if row["bytes"] is not None:
        return bytes(row["bytes"])
    uri, offset, length = row["uri"], row["offset"], row["length"]
    if not uri:
        raise InputError(f"view {row['view_id']} has neither bytes nor a uri")
    try:
        if "://" in uri:
            import fsspec

            opener = fsspec.open(uri, "rb")
        else:
            if not stat.S_ISREG((root / uri).stat().st_mode):
                raise OSError("it is no regular file")  # a pipe or a device might never end
            opener = (root / uri).open("rb")
        with opener as file:
            if offset is not None:
                file.seek(offset)
            data: bytes = file.read() if length is None else file.read(length)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot read {uri}: {error}") from error
    return data
