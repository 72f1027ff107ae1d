"""Our worker as it is, but for a mark when the first batch comes: `python -m benchmarks.children.worker SETTINGS`."""

import sys
from pathlib import Path

from benchmarks.children.marks import mark
from stream_kpis.engine.batch import Batch
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load
from stream_kpis.stream.flush import Shard
from stream_kpis.stream.shards import shard_maker
from stream_kpis.stream.worker import run_worker


def main() -> None:
    """Runs until SIGTERM."""
    settings = load(Path(sys.argv[1]))
    make = shard_maker(settings, compile_plan(settings))
    waiting: list[Shard] = []

    def make_marked(partition: int) -> Shard:
        shard = make(partition)
        apply = shard.apply

        def apply_first(batch: Batch) -> None:
            mark("first")
            for each in waiting:
                del each.apply  # the class's own from now on
            apply(batch)

        waiting.append(shard)
        shard.apply = apply_first  # type: ignore[method-assign] # the one exception to "as it is"
        return shard

    run_worker(settings, make_marked)


if __name__ == "__main__":
    main()
