"""Recipes: YAML files that people write, checked by pydantic models that forbid unknown fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from georeasoner.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parent.parent


class Recipe(BaseModel):
    """Base of every recipe: unknown fields are an error, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


R = TypeVar("R", bound=Recipe)


def find_recipe(path: str | Path) -> Path:
    """The file of that name here, else in the repository (`configs/...`). Raises `ConfigError`."""
    for candidate in (Path(path), REPOSITORY / path):
        if candidate.is_file():
            return candidate
    known = sorted(str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "configs").glob("*.yaml"))
    raise ConfigError(f"no recipe {str(path)!r}", f"a YAML file, such as {', '.join(known)}")


def load_recipe(path: str | Path, model: type[R], overrides: dict[str, Any] | None = None) -> R:
    """Read a YAML file into `model`; `overrides` (from flags) win where they are not None.

    Raises `ConfigError` with the file, the field and what was expected of it.
    """
    file = find_recipe(path)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file} holds a {type(content).__name__}", "a mapping of settings")
    content.update({k: v for k, v in (overrides or {}).items() if v is not None})
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{file}: {_one_line(error)}") from error


def _one_line(error: ValidationError) -> str:
    return ", ".join(
        f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']} (found {str(e['input'])[:60]!r})"
        for e in error.errors()
    )
