"""What waits, read from the parties: for commands, and in a process of its own for the live page."""

import time
from collections.abc import Callable
from typing import Any

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.holdings import Holdings
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.terminal.attention import JOURNEYS, Overview, Waiting, waiting
from stream_kpis.live.web.attending import COMMAND
from stream_kpis.live.web.background import Tell, Work
from stream_kpis.live.web.hosts import is_loopback
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import read_to_ends
from stream_kpis.stream.child import in_child
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.parties import reader
from stream_kpis.stream.topics import Names, every


async def read_waiting(
    settings: Settings,
    plan: Plan,
    now_ms: int,
    take: Callable[[list[Waiting]], None],
    tell: Tell = lambda *_: None,
    records_max: int | None = None,
) -> None:
    """Reads what waits, one partition after the other: only that one is held.

    Args:
        settings: of the deployment.
        plan: the compiled catalogue, with the targets.
        now_ms: what ages are measured at.
        take: given the cases of each partition.
        tell: told how many offsets were passed, of how many.
        records_max: how many records of a partition may be held.

    Raises:
        RuntimeError: Kafka does not answer, or a partition holds more; one line.
        SettingsError: there is no such deployment.
    """
    names, wanted = Pseudonyms.of(settings), every(Names.of(settings).parties, settings)
    async with reader(settings, {tp.topic for tp in wanted}) as kafka:
        starts, ends = await kafka.beginning_offsets(wanted), await kafka.end_offsets(wanted)
        passed, to_pass = 0, sum(ends[tp] - starts[tp] for tp in wanted)
        for tp in wanted:
            tell(passed, to_pass)
            held = Holdings(plan, JOURNEYS)
            async for records in read_to_ends(kafka, [tp]):
                for record in records:
                    held.take(record.key, record.value)
                if records_max is not None and len(held) > records_max:
                    raise RuntimeError(
                        f"there are more leads, deals and tickets in one partition than attention_records_max"
                        f" ({records_max:,}): run {COMMAND}"
                    )
                tell(min(passed + records[-1].offset + 1 - starts[tp], to_pass), to_pass)
            passed += ends[tp] - starts[tp]
            take(waiting(plan, held, now_ms, names))
    tell(to_pass, to_pass)


def looking(settings: Settings) -> Work | str:
    """Looks in a child process; cancelled, the child ends. Where the settings forbid it, why, and what to do.

    The list has the ids of customers, and nobody signs in: beyond this machine somebody has to have said who asks.
    """

    async def look(tell: Tell) -> dict[str, Any]:
        return await in_child(_look, settings, tell=tell)

    if not settings.attention_records_max:
        return "attention_records_max is 0: set it"
    if not (is_loopback(settings.host) or settings.allowed_hosts):
        return f"it listens on {settings.host} for everybody: set allowed_hosts"
    return look


async def _look(settings: Settings, tell: Tell) -> dict[str, Any]:
    plan, now_ms = await plan_in_force(settings), time.time_ns() // 1_000_000
    found = Overview(plan)
    await read_waiting(settings, plan, now_ms, found.add, tell, settings.attention_records_max)
    return found.as_json(now_ms)
