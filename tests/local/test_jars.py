"""Jars: what comes from the network is trusted only as far as its pinned sha256."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_kpis.local import jars
from stream_kpis.local.jars import Jar, LocalKafkaError, fetch

CONTENTS = {"org.a:one:1.0": b"first jar", "org.b:two:2.0": b"second jar", "org.b:three:3.0": b"third jar"}
WANTED = [Jar(name, hashlib.sha256(content).hexdigest(), len(content)) for name, content in CONTENTS.items()]


class Remote:
    """Stands for Maven Central: serves contents, fails as often as told, and remembers what was asked."""

    def __init__(self, contents: dict[str, bytes] = CONTENTS, failures: int = 0) -> None:
        self.contents = contents
        self.failures = failures
        self.asked: list[str] = []

    def __call__(self, coordinate: str, folder: Path) -> Path:
        assert list(folder.iterdir()) == []
        self.asked.append(coordinate)
        (folder / "half").write_bytes(b"half of it")
        if self.asked.count(coordinate) <= self.failures:
            raise ConnectionError("HTTPSConnectionPool(...): Max retries exceeded\nand more lines")
        (folder / "whole").write_bytes(self.contents[coordinate])
        return folder / "whole"


def contents(paths: list[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]


def one_line(fetching: Callable[[], object]) -> str:
    """The message of the error that it raises."""
    with pytest.raises(LocalKafkaError) as caught:
        fetching()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_all_jars_come_in_the_order_asked_for(tmp_path: Path) -> None:
    assert list(CONTENTS.values()) == contents(fetch(tmp_path / "jars", WANTED, download=Remote()))


def test_what_is_in_the_cache_needs_no_network(tmp_path: Path) -> None:
    fetch(tmp_path / "jars", WANTED, download=Remote())
    again = Remote()
    fetch(tmp_path / "jars", WANTED, download=again)
    assert again.asked == []


@pytest.mark.parametrize("damaged", [b"second jaR", b"sec", b""], ids=["same size", "cut short", "empty"])
def test_a_damaged_jar_is_fetched_anew_and_no_other(tmp_path: Path, damaged: bytes) -> None:
    paths = fetch(tmp_path / "jars", WANTED, download=Remote())
    paths[1].write_bytes(damaged)
    again = Remote()
    assert list(CONTENTS.values()) == contents(fetch(tmp_path / "jars", WANTED, download=again))
    assert again.asked == ["org.b:two:2.0"]


@pytest.mark.parametrize("served", [b"second jaR", b"an error page", b""], ids=["same size", "longer", "empty"])
def test_a_download_with_another_hash_is_refused_and_not_kept(tmp_path: Path, served: bytes) -> None:
    remote = Remote(CONTENTS | {"org.b:two:2.0": served})
    message = one_line(lambda: fetch(tmp_path / "jars", WANTED, download=remote))
    assert message.startswith("org.b:two:2.0: ")
    assert "not used" in message
    assert not (tmp_path / "jars" / "two-2.0.jar").exists()


def test_a_download_that_fails_twice_is_tried_again(tmp_path: Path) -> None:
    remote = Remote(failures=2)
    assert list(CONTENTS.values()) == contents(fetch(tmp_path / "jars", WANTED, download=remote))


def test_no_network_is_one_line_that_names_what_is_missing(tmp_path: Path) -> None:
    message = one_line(lambda: fetch(tmp_path / "jars", WANTED[:1], download=Remote(failures=99)))
    assert "cannot download org.a:one:1.0 (ConnectionError)" in message
    assert "check the network" in message


def test_the_real_client_without_network_is_one_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens on the discard port
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    message = one_line(lambda: fetch(tmp_path / "jars", jars.PINNED[:1]))
    assert "check the network" in message


def test_nothing_half_done_is_left_behind(tmp_path: Path) -> None:
    one_line(lambda: fetch(tmp_path / "jars", WANTED, download=Remote(failures=99)))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["jars", "jars.lock"]


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = one_line(lambda: fetch(tmp_path / "file" / "jars", WANTED, download=Remote()))
    assert message.startswith("cannot write Kafka's jars to ")


def test_progress_says_how_much_and_is_silent_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    lines: list[str] = []
    fetch(tmp_path / "jars", WANTED, progress=lines.append, download=Remote())
    assert lines[0].startswith("Fetching Kafka: 3 jars")
    lines.clear()
    fetch(tmp_path / "jars", WANTED, progress=lines.append, download=Remote())
    assert lines == []


def test_processes_that_fetch_at_once_download_each_jar_once(tmp_path: Path) -> None:
    """The second waits for the first, then finds everything there."""
    script = f"""
import sys
from pathlib import Path
from tests.local.test_jars import Remote, WANTED
from stream_kpis.local.jars import fetch
remote = Remote()
paths = fetch(Path({str(tmp_path / "jars")!r}), WANTED, download=remote)
print(len(paths), len(remote.asked))
"""
    command = [sys.executable, "-c", script]
    root = Path(__file__).parents[2]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate()[0].split() for process in both)
    assert answers == [["3", "0"], ["3", "3"]]


def test_the_pinned_list_is_kafka_4_1_1_with_full_hashes() -> None:
    names = {jar.coordinate for jar in jars.PINNED}
    assert "org.apache.kafka:kafka_2.13:4.1.1" in names
    assert len(names) == len(jars.PINNED) == len({jar.file for jar in jars.PINNED})
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size > 0 for jar in jars.PINNED)
