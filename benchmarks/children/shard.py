"""One shard and the read model behind it, without Kafka: `python -m benchmarks.children.shard SETTINGS EVENTS`.

Prints what an event costs in CPU, and what parties and cells take of memory.
"""

import gc
import json
import os
import sys
import time
import tracemalloc
from pathlib import Path

from benchmarks.events import encoded, samples, span_ms_max
from stream_kpis.engine.batch import Batch
from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load

_BATCH, _BATCHES_PER_FLUSH = 2_000, 5
_TOPIC = "crm.leads"
"""All events come by one topic: the engine does not care."""


def main() -> None:
    """Applies so many events; each flush is shown once."""
    plan, count = compile_plan(load(Path(sys.argv[1]))), int(sys.argv[2])
    start_ms = time.time_ns() // 1_000_000 - span_ms_max(count)
    records, parties = [], set[str]()
    for number, sample in enumerate(samples(count, start_ms)):
        parties.add(sample.party)
        value = encoded(number, sample)
        records.append(Record(_TOPIC, 0, number, sample.at_ms, sample.party.encode(), value))
    shard, model = Shard(plan, 0, 1, Reader(), Calendar()), ReadModel(plan, Calendar())
    log: dict[bytes, bytes] = {}
    gc.collect()
    rss, cpu = [_rss()], [0.0, 0.0]
    for first in range(0, count, _BATCH * _BATCHES_PER_FLUSH):
        began = time.process_time()
        for at in range(first, min(first + _BATCH * _BATCHES_PER_FLUSH, count), _BATCH):
            part = records[at : at + _BATCH]
            shard.apply(Batch(_TOPIC, 0, at, at + len(part), part))
        now_ms = part[-1].timestamp
        flush = shard.take(now_ms)
        cpu[0] += time.process_time() - began
        for key, cell in flush.cells:
            if cell is None:
                log.pop(key, None)
            else:
                log[key] = cell
        began = time.process_time()
        model.apply(0, flush.cells, flush.header)
        model.snapshot(now_ms)
        cpu[1] += time.process_time() - began
    del model, flush
    gc.collect()
    rss.append(_rss() - _size(log))
    taken = _taken_by_model(plan, log, now_ms)
    cells = sum(len({group for group, _, _ in decode_cell(value)}) for value in log.values())
    said = {
        "worker_us": cpu[0] / count * 1e6,
        "exporter_us": cpu[1] / count * 1e6,
        "bytes_per_party": (rss[1] - rss[0]) / len(parties),
        "mb_per_million_cells": taken / cells,
        "cells": cells,
        "parties": len(parties),
    }
    print(json.dumps(said))


def _taken_by_model(plan: Plan, log: dict[bytes, bytes], now_ms: int) -> int:
    """Bytes that a read model of these cells keeps, their records among them: it gets copies of its own.

    Not by the process's size: what was freed before is used again, and hides them.
    """
    tracemalloc.start()
    model = ReadModel(plan, Calendar())
    model.apply(0, ((key, bytes(bytearray(value))) for key, value in log.items()))
    model.snapshot(now_ms)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _size(log: dict[bytes, bytes]) -> int:
    return sys.getsizeof(log) + sum(sys.getsizeof(key) + sys.getsizeof(value) for key, value in log.items())


if __name__ == "__main__":
    main()
