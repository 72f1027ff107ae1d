"""docs/operate names commands, options, settings and files that there are."""

import re
from pathlib import Path

import click
import pytest

from stream_kpis.cli import cli
from tests.deploy.files import ROOT

PAGES = sorted((ROOT / "docs" / "operate").glob("*.md"))
each = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def commands(text: str) -> list[list[str]]:
    """The words after ``stream-kpis``, in code; up to what ends a command."""
    return [found.split() for found in re.findall(r"(?:^|`|bin/)stream-kpis ([^`\n#;>]+)", text, re.MULTILINE)]


def unknown(words: list[str]) -> list[str]:
    """What of a command's words is neither a command nor an option of it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    return [word for word in words if word.startswith("--") and word not in known]


@each
def test_commands_and_their_options_are_there(page: Path) -> None:
    found = commands(page.read_text("utf-8"))
    assert [wrong for words in found if (wrong := unknown(words))] == []


def test_a_command_that_is_not_there_would_be_seen() -> None:
    text = "`stream-kpis stat export x`\nstream-kpis state export --fast b.zip  # why\n`stream-kpis-cells`"
    assert [unknown(words) for words in commands(text)] == [["stat"], ["--fast"]]


@each
def test_links_and_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [page.parent / link for link in re.findall(r"\]\(([^):]+)\)", text)]
    named = [ROOT / path for path in re.findall(r"`((?:deploy|tests|stream_kpis|docs)/[\w./-]+)`", text)]
    assert [str(path) for path in (*links, *named) if not path.exists()] == []


def test_the_base_names_pages_that_are_there() -> None:
    """In the comments of what is deployed."""
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy" / "kubernetes").rglob("*.yaml")]
    named = {name for file in files for name in re.findall(r"docs/operate/\w+\.md", file.read_text("utf-8"))}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
