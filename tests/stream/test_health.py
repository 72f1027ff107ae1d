"""What a container's health check learns: of a worker by its file, of an exporter by its answer."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from stream_kpis.settings import Role, Settings, SettingsError
from stream_kpis.stream.health import SILENT_S_MAX, print_health, show_alive
from tests.live import fakes


def test_a_worker_is_well_while_it_touches_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(role=Role.WORKER, health_file=tmp_path / "alive")
    assert print_health(settings) == 1
    assert "it has not started" in capsys.readouterr().out
    show_alive(settings.health_file)
    assert print_health(settings) == 0
    assert capsys.readouterr().out == "worker: alive 0 s ago\n"
    long_ago = time.time() - SILENT_S_MAX - 1
    os.utime(tmp_path / "alive", (long_ago, long_ago))
    assert print_health(settings) == 1


def test_a_worker_without_a_file_shows_nothing() -> None:
    show_alive(None)


def test_without_a_file_nobody_can_tell_of_a_worker() -> None:
    with pytest.raises(SettingsError, match="health_file is not set"):
        print_health(Settings(role=Role.WORKER))


async def test_an_exporter_is_well_once_it_has_values(capsys: pytest.CaptureFixture[str]) -> None:
    feed = Feed()
    async with serving(feed, fakes.KPIS, now_ms=lambda: fakes.NOW_MS) as address:
        settings = Settings(role=Role.EXPORTER, port=int(address.rpartition(":")[2]))
        assert await asyncio.to_thread(print_health, settings) == 1
        assert capsys.readouterr().out == "exporter: no values yet: the cells changelog is being read\n"
        feed.publish(fakes.snapshot())
        assert await asyncio.to_thread(print_health, settings) == 0
        assert capsys.readouterr().out == "exporter: ok\n"


def test_a_process_that_is_both_is_well_if_both_are(tmp_path: Path) -> None:
    settings = Settings(role=Role.ALL, port=9, health_file=tmp_path / "alive")
    show_alive(settings.health_file)
    assert print_health(settings) == 1


def test_an_exporter_that_does_not_answer_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_health(Settings(role=Role.EXPORTER, port=9)) == 1
    assert capsys.readouterr().out == "exporter: no answer at http://127.0.0.1:9: [Errno 111] Connection refused\n"
