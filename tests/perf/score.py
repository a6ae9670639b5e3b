"""Throughput of `score --scorer clip`: the model alone, the whole stage, and clip-retrieval.

    python tests/perf/score.py                                # ViT-B/32 of random weights
    python tests/perf/score.py --against clip-retrieval
    python tests/perf/score.py --model random:ViT-L-14 --images 20000 --batch-size 256 --compile

Forward-only: batches of prepared pictures to embeddings, class shares and locatability, with
nothing else running. End to end: `scoring.stage.score`, from JPEG files to committed Parquet, with
the model and the class texts loaded before. Each pair measures one after the other, since the
speed of a shared machine drifts; the figure is the median of the pairs' ratios. clip-retrieval
computes the pooled embeddings of the same files with the same weights and writes them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from rivals import rival_python

from builders.ingest import ingest
from georeasoner.lake import Lake
from georeasoner.registry import register
from scoring.devices import devices_of, dtype_of
from scoring.scored import Setup
from scoring.scorers.clip import ClipScorer
from scoring.stage import score
from scoring.weights import load_weights

GIB = 1 << 30


def make_pictures(folder: Path, count: int, side: int) -> Path:
    """JPEGs of quality 90 with detail at every scale, as photographs have, and their table."""
    folder.mkdir(parents=True)
    rows = ["file,lat,lon"]
    for number in range(count):
        rng = np.random.default_rng(number)
        total = np.zeros((side, side, 3), dtype=np.float32)
        for cells in (4, 8, 16, 32, 64, 128, 256):
            noise = Image.fromarray(rng.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
            total += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC)) / cells**0.7
        scaled = 255 * (total - total.min()) / np.ptp(total)
        Image.fromarray(scaled.astype(np.uint8)).save(folder / f"{number:06}.jpg", quality=90)
        rows.append(f"{number:06}.jpg,{1 + number % 80},{1 + number % 170}")
    (folder / "views.csv").write_text("\n".join(rows) + "\n")
    return folder / "views.csv"


def random_model(architecture: str, folder: Path) -> str:
    """An open_clip model of seeded random weights, saved in the real format."""
    import open_clip
    import torch
    from safetensors.torch import save_model

    torch.manual_seed(0)
    model = open_clip.create_model(architecture)
    folder.mkdir(parents=True)
    config = {"model_cfg": open_clip.get_model_config(architecture), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_model(model, str(folder / "open_clip_model.safetensors"))
    return str(folder)


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def end_to_end(lake: Path, scratch: Path, options: argparse.Namespace) -> float:
    """Seconds of the stage on a copy of a lake that has no scores."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(lake, scratch)
    seconds = timed(
        lambda: score(
            Lake.open(scratch), "clip-loaded", batch_size=options.batch_size, device=options.device
        )
    )
    if (found := Lake.open(scratch).count("embeddings")) != options.images:
        raise SystemExit(f"{found} of {options.images} pictures were scored")
    return seconds


def matrix_flops(device: str, dtype: Any) -> float:
    """Operations per second of the best of ten square products in the model's number format."""
    import torch

    size = 8192 if device.startswith("cuda") else 2048
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def product() -> None:
        torch.matmul(one, other)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    product()
    return 2 * size**3 / min(timed(product) for _ in range(10))


def model_flops(scorer: ClipScorer, inputs: Any) -> float:
    """Operations per picture of the forward pass, counted by PyTorch."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        scorer.score(inputs)
    return counter.get_total_flops() / len(inputs)


@contextmanager
def clip_retrieval(pictures: Path, model: str, work: Path, args: Any) -> Iterator[Callable]:
    """A function that runs clip-retrieval once over the pictures and gives the seconds."""
    architecture = args.model.removeprefix("random:")
    weights = Path(model).resolve() / "open_clip_model.safetensors"
    command = [
        rival_python("clip-retrieval"), Path(__file__).with_name("clip_retrieval_loop.py"),
        pictures, work / "clip-retrieval", f"open_clip:{architecture}/{weights}",
        str(args.batch_size), str(args.workers),
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    ) as process:

        def answer(start: str) -> str:
            for line in process.stdout:
                if line.startswith(start):
                    return line.removeprefix(start)
            raise SystemExit("clip-retrieval stopped")

        def run() -> float:
            process.stdin.write("\n")
            process.stdin.flush()
            found = json.loads(answer("RUN "))
            if found["images"] != args.images:
                raise SystemExit(f"clip-retrieval gave {found['images']} of {args.images} vectors")
            return found["seconds"]

        answer("READY")
        yield run
        process.stdin.close()


def machine(device: str) -> dict[str, Any]:
    """What the figures were measured on."""
    import torch

    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else None
    return {
        "cpu": model, "cores": os.cpu_count(), "gpu": gpu, "torch": torch.__version__,
        "load_average": os.getloadavg()[0],
    }  # fmt: skip


def measure(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    device = devices_of(args.device)[0]
    print(f"making {args.images} pictures of {args.side} px", file=sys.stderr)
    table = make_pictures(work / "pictures", args.images, args.side)
    size = sum(file.stat().st_size for file in table.parent.glob("*.jpg")) / args.images
    lake = Lake.create(work / "lake")
    ingest(lake, f"table:{table}")
    random = args.model.startswith("random:")
    model = (
        random_model(args.model.removeprefix("random:"), work / "model") if random else args.model
    )
    setup = Setup(model, load_weights("published", []), (), device, args.precision, args.compile)
    scorer = ClipScorer(setup)
    register("scorer", "clip-loaded")(lambda _: scorer)

    rows = list(scorer.rows(lake, args.batch_size))
    prepared = [scorer.read(row, lake.root).value for row in rows]
    batches = [
        scorer.gather(prepared[at : at + args.batch_size])
        for at in range(0, len(rows), args.batch_size)
    ]
    scorer.score(batches[0])  # the class texts, the kernels, the compiler
    read_s = timed(lambda: [scorer.read(row, lake.root) for row in rows[:256]])
    result: dict[str, Any] = {
        "model": args.model, "device": device, "precision": str(dtype_of(args.precision, device)),
        "compile": args.compile, "images": args.images, "side_px": args.side,
        "mean_jpeg_bytes": round(size), "batch_size": args.batch_size, **machine(device),
        "readers_images_per_s_and_thread": len(rows[:256]) / read_s,
    }  # fmt: skip

    def forward() -> None:
        for batch in batches:
            scorer.score(batch)

    def ours() -> float:
        return end_to_end(lake.root, work / "scored", args)

    ours()  # what the first run alone pays for
    result["forward"] = compare("forward only", lambda: timed(forward), ours, args)
    dtype = dtype_of(args.precision, device)
    flops, peak = model_flops(scorer, batches[0]), matrix_flops(device, dtype)
    speed = flops * result["forward"]["other_images_per_s"]
    result |= {
        "gflop_per_image": flops / 1e9, "forward_tflops": speed / 1e12,
        "matrix_tflops": peak / 1e12, "share_of_matrix_throughput": speed / peak,
    }  # fmt: skip
    if args.against:
        with clip_retrieval(table.parent, model, work, args) as theirs:
            theirs()
            result["clip_retrieval"] = compare("clip-retrieval", theirs, ours, args)
            result["clip_retrieval"]["workers"] = args.workers
    result["peak_rss_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    return result


def compare(
    name: str, other: Callable[[], float], ours: Callable[[], float], args: argparse.Namespace
) -> dict[str, Any]:
    """Both in turn; images per second of each and the ratios, ours to the other."""
    pairs = []
    for number in range(args.pairs):
        pairs.append((other(), ours()))
        print(
            f"pair {number + 1}: {name} {args.images / pairs[-1][0]:.1f} images/s,"
            f" end to end {args.images / pairs[-1][1]:.1f}",
            file=sys.stderr,
        )
    ratios = sorted(theirs / mine for theirs, mine in pairs)
    return {
        "other_images_per_s": args.images / median(theirs for theirs, _ in pairs),
        "end_to_end_images_per_s": args.images / median(mine for _, mine in pairs),
        "ratio_median": median(ratios), "ratios": ratios,
    }  # fmt: skip


def report(result: dict[str, Any]) -> str:
    """The figures for a person."""
    forward = result["forward"]
    lines = [
        f"{result['model']} {result['precision'].removeprefix('torch.')} on"
        f" {result['gpu'] or result['cpu']} ({result['cores']} cores, torch {result['torch']}),"
        f" {result['images']} JPEGs of {result['side_px']} px"
        f" ({result['mean_jpeg_bytes'] / 1024:.0f} KiB), batches of {result['batch_size']}",
        f"forward only:   {forward['other_images_per_s']:8.1f} images/s,"
        f" {result['forward_tflops']:.2f} TFLOP/s, {result['share_of_matrix_throughput']:.0%}"
        f" of the {result['matrix_tflops']:.2f} of a matrix product",
        f"end to end:     {forward['end_to_end_images_per_s']:8.1f} images/s",
        f"ratio:          {forward['ratio_median']:8.3f}"
        f" ({', '.join(f'{r:.3f}' for r in forward['ratios'])})",
        f"readers:        {result['readers_images_per_s_and_thread']:8.1f} images/s of one thread",
    ]
    if rival := result.get("clip_retrieval"):
        lines += [
            f"clip-retrieval: {rival['other_images_per_s']:8.1f} images/s"
            f" ({rival['workers']} workers); end to end {rival['end_to_end_images_per_s']:.1f}",
            f"ratio:          {rival['ratio_median']:8.3f}"
            f" ({', '.join(f'{r:.3f}' for r in rival['ratios'])})",
        ]
    return "\n".join([*lines, f"peak memory:    {result['peak_rss_gib']:8.2f} GiB"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="random:ViT-B-32", help="random:ARCHITECTURE or an id")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--side", type=int, default=640, help="pixels of the square JPEGs")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--against", choices=["clip-retrieval"])
    parser.add_argument(
        "--workers", type=int, default=4, help="clip-retrieval's num_prepro_workers"
    )
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    args = parser.parse_args()
    if args.against and not args.model.startswith("random:"):
        parser.error("--against needs the same weights in both: --model random:ARCHITECTURE")
    with tempfile.TemporaryDirectory() as work:
        result = measure(args, Path(work))
    print(report(result))
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
