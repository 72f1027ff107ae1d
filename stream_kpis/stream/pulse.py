"""Whether Kafka is there at all. Its clients wait for a lost one for ever, and a worker that waits looks alive."""

import asyncio
import contextlib
from typing import Any

from aiokafka.client import AIOKafkaClient

from stream_kpis.settings import Settings
from stream_kpis.stream.connection import connection
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.topics import Names

_ASK_S = 3.0
_ANSWER_MS_MAX = 3_000
_GIVE_UP_S = 10.0  # of all brokers in turn; also if the client hangs
_FAILURES_MAX = 4
"""A broker that restarts is back before that: after 9 s if it refuses, 24 s if it is silent."""


async def feel_pulse(settings: Settings) -> None:
    """Asks Kafka every 3 s, for ever.

    Failures are counted, not seconds: an event loop that was busy makes an answer late, but not four in a row.

    Raises:
        StreamError: it has not answered four times in a row.
        KafkaError: it did not answer the first time.
    """
    client = AIOKafkaClient(**connection(settings), request_timeout_ms=_ANSWER_MS_MAX)
    try:
        await client.bootstrap()
        client.set_topics([Names.of(settings).cells])  # else it asks for all topics of the cluster
        failures = 0
        while failures < _FAILURES_MAX:
            await asyncio.sleep(_ASK_S)
            failures = 0 if await _answers(client) else failures + 1
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_UP_S):
                await client.close()
    raise StreamError(
        f"Kafka {settings.bootstrap} no longer answers: nothing is lost, a worker started again goes on when it is back"
    )


async def _answers(client: Any) -> bool:
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            return bool(await client.force_metadata_update())
    except TimeoutError:
        return False
