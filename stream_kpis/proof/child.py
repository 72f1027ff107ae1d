"""Proofs in a process of their own, for whoever serves meanwhile."""

from typing import Any

from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.web.background import Tell
from stream_kpis.live.web.proving import Prove
from stream_kpis.proof.pipeline import cut_of
from stream_kpis.proof.prove import At, as_json, check_catalogue, prove_values
from stream_kpis.settings import Settings
from stream_kpis.stream.child import in_child
from stream_kpis.stream.control import plan_in_force


def proving(settings: Settings) -> Prove:
    """Proves in a child process, so that whoever serves goes on serving; cancelled, the child ends."""

    async def prove(snapshot: Snapshot, values: list[Value], tell: Tell) -> dict[str, Any]:
        at = At(snapshot.to_ms, snapshot.made_ms, cut_of((shard.partition, shard.next) for shard in snapshot.shards))
        return await in_child(_prove, settings, snapshot.catalogue, values, at, tell=tell)

    return prove


async def _prove(settings: Settings, catalogue: str, values: list[Value], at: At, tell: Tell) -> dict[str, Any]:
    def bounded(read: int, to_read: int) -> None:
        if to_read > settings.prove_records_max:
            raise RuntimeError(
                f"{to_read:,} records are to be read, more than prove_records_max ({settings.prove_records_max:,}):"
                f" run stream-kpis explain {values[0].kpi} --window {values[0].window} --prove"
            )
        tell(read, to_read)

    plan = await plan_in_force(settings)
    check_catalogue(catalogue, plan, "the page")
    return as_json(await prove_values(settings, plan, values, at, tell=bounded))
