"""What `--device` means: a user's word in, the names of the devices that PyTorch knows out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from georeasoner.errors import ConfigError
from scoring.scored import Precision

if TYPE_CHECKING:
    import torch

_NO_MEMORY = ("out of memory", "can't allocate memory", "_ALLOC_FAILED")


def devices_of(device: str | None) -> list[str]:
    """One device or several: "cpu", "cuda:1", "cuda:0,cuda:2", "all" (every GPU).

    Without a word, the first GPU where there is one, else the CPU. Raises `ConfigError` for a
    device that is not there.
    """
    import torch

    gpus = [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    if device is None:
        return gpus[:1] or ["cpu"]
    if device == "all":
        if not gpus:
            raise ConfigError("--device all", "a machine with a GPU", "leave it out, or say cpu")
        return gpus
    names = ["cuda:0" if name.strip() == "cuda" else name.strip() for name in device.split(",")]
    known = ["cpu", *gpus] + (["mps"] if torch.backends.mps.is_available() else [])
    if wrong := [name for name in names if name not in known]:
        raise ConfigError(f"--device {device}: there is no {wrong[0]!r}", " or ".join(known))
    return names


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the machine itself, had no memory left.

    CUDA's allocator raises torch.OutOfMemoryError; its driver, cuBLAS, MPS and the CPU's allocator
    raise a RuntimeError that says so; NumPy raises MemoryError.
    """
    import torch

    said = isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    return said or isinstance(error, torch.OutOfMemoryError | MemoryError)


def dtype_of(precision: Precision, device: str) -> torch.dtype:
    """What a model computes in; "auto" is bfloat16 on a GPU that has it, else float32."""
    import torch

    if precision == "auto":
        fast = device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[precision]
