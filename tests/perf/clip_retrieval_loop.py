"""clip-retrieval over a folder of pictures, once for every line on stdin; runs in its environment.

Model and warm-up come before the first line. A run is clip-retrieval's own `Runner` with its
reader, mapper and writer: from the files to its npy and Parquet files. Each prints one line of
JSON after "RUN ": seconds and images.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import packaging.version

# its dependency clip-anytorch asks for a module that setuptools has no more
sys.modules["pkg_resources"] = SimpleNamespace(packaging=packaging)  # type: ignore[assignment]

from all_clip import load_clip  # noqa: E402
from clip_retrieval.clip_inference.logger import LoggerWriter  # noqa: E402
from clip_retrieval.clip_inference.mapper import ClipMapper  # noqa: E402
from clip_retrieval.clip_inference.reader import FilesReader  # noqa: E402
from clip_retrieval.clip_inference.runner import Runner  # noqa: E402
from clip_retrieval.clip_inference.writer import NumpyWriter  # noqa: E402


def main(pictures: str, out: str, model: str, batch_size: int, workers: int) -> None:
    options = {"clip_model": model, "use_jit": False, "warmup_batch_size": batch_size}
    _, preprocess, tokenizer = load_clip(**options)
    mapper = ClipMapper(True, False, False, False, mclip_model="", **options)
    kinds = {"enable_text": False, "enable_image": True, "enable_metadata": False}
    runner = Runner(
        lambda sampler: FilesReader(
            sampler, preprocess, tokenizer, pictures, batch_size, workers, **kinds
        ),
        lambda: mapper,
        lambda i: NumpyWriter(i, out, output_partition_count=1, **kinds),
        lambda i: LoggerWriter(partition_id=i, stats_folder=f"{out}/stats"),
        1,
    )
    print("READY", flush=True)
    for _ in sys.stdin:
        shutil.rmtree(out, ignore_errors=True)
        Path(out, "stats").mkdir(parents=True)
        start = time.perf_counter()
        runner(0)
        seconds = time.perf_counter() - start
        images = sum(len(np.load(file)) for file in Path(out, "img_emb").glob("*.npy"))
        print("RUN " + json.dumps({"seconds": seconds, "images": images}), flush=True)


if __name__ == "__main__":
    folder, target, name, size, processes = sys.argv[1:]
    main(folder, target, name, int(size), int(processes))
