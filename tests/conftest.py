"""What all tests share: the broker."""

from collections.abc import Iterator

import pytest

from stream_kpis.local.kafka import LocalKafka


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the broker is a system test, marked or not: unit tests never start one."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One real broker for the whole run; use topics and groups with names of your own."""
    with LocalKafka(tmp_path_factory.mktemp("kafka"), progress=print) as kafka:
        yield kafka
