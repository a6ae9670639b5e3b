"""The documentation names every table, every column and every command."""

from __future__ import annotations

import re

import pytest
import typer

from georeasoner.cli import commands  # noqa: F401  (registers the commands)
from georeasoner.cli.main import app
from georeasoner.config import REPOSITORY
from georeasoner.records import TABLES


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_documented(name):
    text = (REPOSITORY / "docs" / "tables.md").read_text()
    section = text.split(f"## {name}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, flags=re.MULTILINE)
    documented = {column.strip() for row in rows for column in row.split(",")}
    assert set(TABLES[name].schema.names) <= documented


def command_names():
    return sorted(typer.main.get_command(app).commands)


@pytest.mark.parametrize("name", command_names())
def test_commands_are_documented(name):
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    assert f"## {name}\n" in text
    section = text.split(f"## {name}\n")[1].split("\n## ")[0]
    command = typer.main.get_command(app).commands[name]
    for parameter in command.params:
        flag = parameter.opts[0]
        if flag.startswith("--") and flag != "--help":
            assert f"`{flag}" in section, f"{flag} of {name} is not documented"
    assert "Example: " in command.help


def test_every_command_of_the_design_is_there():
    assert command_names() == [
        "audit", "benchmark", "build", "compact", "coverage", "dedup", "doctor",
        "finetune", "fit-locatability", "ingest", "leaderboard", "migrate", "publish",
        "quickstart", "remove", "score", "scrape", "sql", "validate-locatability",
    ]  # fmt: skip
