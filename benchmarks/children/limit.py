"""Fetching and typed decoding, nothing else: `python -m benchmarks.children.limit BOOTSTRAP TOPIC EVENTS PARTITIONS`.

No worker of this language, client and decoder can be faster.
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.children.marks import mark, wait_to_be_ended
from stream_kpis.events.envelope import Incoming, Reader


async def main() -> None:
    """Reads so many events."""
    bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    read, events = Reader().read, 0
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed") as kafka:
        partitions = [TopicPartition(topic, partition) for partition in range(int(sys.argv[4]))]
        kafka.assign(partitions)
        await kafka.seek_to_beginning(*partitions)
        while events < count:
            for records in (await kafka.getmany(timeout_ms=200, max_records=2_000)).values():
                if not events:
                    mark("first")
                for record in records:
                    incoming = read(record.value, record.key, record.timestamp, record.headers)
                    assert isinstance(incoming, Incoming)
                events += len(records)
    mark("last")
    mark("totals", totals={})


if __name__ == "__main__":
    asyncio.run(main())
    wait_to_be_ended()
