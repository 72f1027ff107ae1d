"""The systems that are measured: how each is started, and when it is done."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.systems import kafka_streams, limit, naive_faust, worker
from benchmarks.systems.bench import Bench, Run


class System(NamedTuple):
    """A system doing a job."""

    job: str
    name: str
    run: Callable[[Bench], Run]


SYSTEMS: Mapping[str, tuple[System, ...]] = {
    "limit": (System("W1", "limit", limit.run),),
    "stream-kpis": (
        System("W1", "stream-kpis", worker.run_w1),
        System("all", "stream-kpis", worker.run_all),
    ),
    "kafka-streams-eos": (System("W1", "kafka-streams-eos", kafka_streams.run),),
    "naive-faust": (System("W1", "naive-faust", naive_faust.run),),
}
"""In the order of measuring, by the name that a command line may give."""
