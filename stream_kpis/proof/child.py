"""Proofs in a process of their own, for whoever serves meanwhile."""

import asyncio
import multiprocessing
import os
from multiprocessing.connection import Connection
from typing import Any

from stream_kpis.live.proving import Prove, Tell
from stream_kpis.live.snapshot import Snapshot, Value
from stream_kpis.proof.pipeline import cut_of
from stream_kpis.proof.prove import At, Finding, as_json, check_catalogue, prove_values
from stream_kpis.settings import Settings
from stream_kpis.stream.control import plan_in_force

_NICENESS = 10


def in_child(settings: Settings) -> Prove:
    """Proves in a child process of low priority, so that whoever serves goes on serving; cancelled, the child ends."""

    async def prove(snapshot: Snapshot, values: list[Value], tell: Tell) -> dict[str, Any]:
        at = At(snapshot.to_ms, snapshot.made_ms, cut_of((shard.partition, shard.next) for shard in snapshot.shards))
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        child = spawn.Process(target=_in_child, args=(settings, snapshot.catalogue, values, at, theirs), daemon=True)
        child.start()
        theirs.close()
        try:
            while True:
                kind, *said = await asyncio.to_thread(ours.recv)
                match kind:
                    case "far":
                        tell(*said)
                    case "found":
                        return dict(said[0])
                    case _:
                        raise RuntimeError(said[0])
        except EOFError:
            raise RuntimeError("the process that proves was ended: it may have lacked memory") from None
        finally:
            child.kill()
            await asyncio.to_thread(child.join)
            ours.close()

    return prove


def _in_child(settings: Settings, catalogue: str, values: list[Value], at: At, said: Connection) -> None:
    """Says ``far``, how far it is, and at last what it ``found`` or why it ``failed``."""

    def tell(read: int, to_read: int) -> None:
        if to_read > settings.prove_records_max:
            raise RuntimeError(
                f"{to_read:,} records are to be read, more than prove_records_max ({settings.prove_records_max:,}):"
                f" run stream-kpis explain {values[0].kpi} --window {values[0].window} --prove"
            )
        said.send(("far", read, to_read))

    async def prove() -> Finding:
        plan = await plan_in_force(settings)
        check_catalogue(catalogue, plan, "the page")
        return await prove_values(settings, plan, values, at, tell=tell)

    os.nice(_NICENESS)
    try:
        said.send(("found", as_json(asyncio.run(prove()))))
    except (RuntimeError, ValueError) as error:
        said.send(("failed", str(error)))
