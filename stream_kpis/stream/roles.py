"""The roles of a process: worker, exporter, or both. The exporter always reads the cells changelog: one path."""

from functools import partial

from stream_kpis.live.web.proving import Prove
from stream_kpis.plan import goals_of, known_rates
from stream_kpis.settings import Role, Settings
from stream_kpis.stream.control import deployed_plan_now
from stream_kpis.stream.exporter import Announce, run_exporter
from stream_kpis.stream.failure import lethal
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.shards import shard_maker
from stream_kpis.stream.worker import run_parts, run_worker

_say = partial(print, flush=True)


def run(settings: Settings, announce: Announce = _say, prove: Prove | None = None) -> None:
    """Runs what ``settings.role`` says until SIGTERM or SIGINT; then the process ends.

    Args:
        settings: checked settings.
        announce: told the address of the live page.
        prove: recomputes a value that somebody doubts; not if the settings say that the page proves nothing.
    """
    set_up_logging(settings.verbose)
    with lethal("exporter" if settings.role is Role.EXPORTER else "start", settings.bootstrap):
        plan = deployed_plan_now(settings)
        goals = goals_of(settings, plan)

    async def exporter() -> None:
        await run_exporter(settings, plan, goals, announce, prove)

    if settings.role is Role.EXPORTER:
        run_parts(settings, [exporter])
    else:
        rates = known_rates(settings)
        beside = [exporter] if settings.role is Role.ALL else []
        run_worker(settings, shard_maker(settings, plan, rates), beside, rates)
