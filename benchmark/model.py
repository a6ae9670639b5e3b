"""What a model is: pictures in, answers out.

A model is registered under a name and made from a `Setup`. Making one is cheap (it says which
weights it means); weights are loaded by the first `predict`. A model sees the picture and nothing
else. Those that know more say so: `oracle` models are given the private column of a view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.candidates import Candidates
from benchmark.task import Task
from georeasoner import registry
from georeasoner.answers import Answer
from georeasoner.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class View:
    """What a model gets: an id to answer under, and the picture (RGB). `extra` is for oracles."""

    view_id: str
    image: Image
    extra: str | None = None


@dataclass(frozen=True)
class Prediction:
    """What a model gives: an answer, or the text that one is parsed from."""

    view_id: str
    answer: Answer | None = None
    raw: str | None = None
    latency_s: float | None = None


@dataclass(frozen=True)
class Setup:
    """Everything that a model may need; each takes what it uses.

    `train` is what a baseline may learn from, `candidates` the places to choose among.
    """

    model_id: str | None = None
    adapters: tuple[Path, ...] = ()
    train: Task | None = None
    candidates: Candidates | None = None
    device: str | None = None
    batch_size: int = 8
    max_new_tokens: int = 256
    neighbours: int = 1


class Model(ABC):
    """Base of every model. `id` names the weights, so that others give another id."""

    id: str
    oracle: bool = False
    synthetic_only: bool = False
    learns: bool = False  # from `Setup.train`
    takes_adapters: bool = False

    @abstractmethod
    def __init__(self, setup: Setup) -> None: ...

    def settings(self) -> dict[str, Any]:
        """What else changes the answers, ready for JSON."""
        return {}

    @abstractmethod
    def predict(self, views: Iterable[View]) -> Iterator[Prediction]:
        """One prediction for every view, in any order."""


def model_kind(specification: str) -> type[Model]:
    """The class of `NAME` or `NAME:ID`. Raises `UnknownNameError`."""
    kind: type[Model] = registry.get("model", specification.partition(":")[0])
    return kind


def make_model(specification: str, setup: Setup) -> Model:
    """The model of `NAME` or `NAME:ID`. Raises `UnknownNameError`, `ConfigError`, `ModelError`."""
    name, _, model_id = specification.partition(":")
    kind = model_kind(specification)
    if setup.adapters and not kind.takes_adapters:
        raise ConfigError(f"model {name!r} takes no adapters", "vlm", "drop --adapter")
    settings = {**setup.__dict__, "model_id": model_id or None}
    return kind(Setup(**settings))


def training_of(setup: Setup, who: str) -> Task:
    """The training data. Raises `ConfigError` when there is none."""
    if setup.train is None:
        raise ConfigError(
            f"the model {who!r} needs training data",
            "a task such as dataset:PATH#train",
            "give --train",
        )
    return setup.train
