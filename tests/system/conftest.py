"""What the tests on a real broker share."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_kpis.local.kafka import LocalKafka
from stream_kpis.settings import Settings, load
from tests.system.chaos import Workers
from tests.system.deployment import Deployment

_numbers = itertools.count()


@pytest.fixture
def settings(broker: LocalKafka) -> Settings:
    """A deployment of its own, with few partitions: topics cost time."""
    return load(environment={}, bootstrap=broker.bootstrap, prefix=f"t{next(_numbers)}.", app="app", partitions=6)


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    """Workers with counting shards; they end with the test."""
    workers = Workers(settings, tmp_path)
    yield workers
    workers.end()


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Iterator[Deployment]:
    """A worker and an exporter, once started; they end with the test."""
    deployment = Deployment(settings, tmp_path)
    yield deployment
    deployment.end()
