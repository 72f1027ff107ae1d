"""What `make` installs: every direct dependency is locked, by hash, with no trace of a machine."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import faust.streams
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]
DEVELOPMENT = RUNTIME + PROJECT["dependency-groups"]["dev"]


def locked(file: str) -> dict[str, str]:
    """Package to version."""
    found = re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): pinned for name, pinned in found}


@pytest.mark.parametrize(
    ("file", "wanted"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", DEVELOPMENT)], ids=["runtime", "dev"]
)
def test_the_lock_has_every_dependency_in_a_version_asked_for(file: str, wanted: list[str]) -> None:
    pinned = locked(file)
    requirements = [Requirement(line) for line in wanted]
    assert [r for r in requirements if pinned.get(canonicalize_name(r.name)) not in r.specifier] == []


def test_the_development_lock_has_what_the_demo_has() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_names_versions_and_hashes(file: str) -> None:
    line = re.compile(r"[\w.-]+==[^ ]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [text for text in (ROOT / file).read_text().splitlines() if not line.fullmatch(text)] == []


def test_faust_runs_its_compiled_loop() -> None:
    assert faust.streams._CStreamIterator is not None


def test_what_is_reached_into_is_installed_as_pinned() -> None:
    pinned = locked("requirements.lock")
    assert {name: version(name) for name in ("faust-streaming", "aiokafka")} == {
        name: pinned[name] for name in ("faust-streaming", "aiokafka")
    }
