"""What a changed catalogue will rebuild, read off a real broker."""

from pathlib import Path

import msgspec
import pytest

from stream_kpis.events.envelope import encode_event
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from stream_kpis.stream.commands.rebuild import look, print_outlook, told
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare
from tests.engine.worlds import iso
from tests.system.deployment import Deployment

NOTHING = "no shard has written anything yet: all measures are built from the topics"
DAY_0_MS = 1_772_323_200_000


async def _known(settings: Settings) -> tuple[list[str], bool]:
    return told(compile_plan(settings), settings, await look(settings))


async def test_what_is_kept_what_is_built_and_what_needs_the_topics(
    settings: Settings, deployment: Deployment, tmp_path: Path
) -> None:
    """Before there is a state, with the same catalogue, with a grouping more, and in another currency."""
    assert await _known(settings) == ([NOTHING], False)
    await declare(settings)
    async with SourceProducer(settings) as producer:
        for number in range(20):
            party = f"p{number}"
            value = encode_event(
                "order.placed", id=str(number), source="s", time=iso(DAY_0_MS + number), subject=party,
                data={"order_id": str(number), "amount": 5},
            )  # fmt: skip
            await producer.send("crm.orders", party.encode(), value, DAY_0_MS + number)
        await producer.flush()
    deployment.start()
    await deployment.caught_up(20)

    lines, refused = await _known(settings)
    measures = compile_plan(settings).catalogue.measures
    assert not refused
    assert f"{len(measures)} unchanged" in lines
    assert any(line.endswith("reach back to their first fact: 2026-03-01 00:00 UTC") for line in lines)

    own = tmp_path / "own.yaml"
    own.write_text(
        "measures: {mixed: {flow: order_placed, by: [channel]}}\n"
        "override: {measures: {orders: {by: [channel, product, owner, 'channel,owner']}}}\n"
    )
    lines, refused = await _known(msgspec.structs.replace(settings, catalogue=(own,)))
    assert not refused
    assert {line.split()[0] for line in lines if line.endswith("  built from the parties")} == {"mixed", "orders"}

    lines, refused = await _known(msgspec.structs.replace(settings, currency="EUR"))
    assert refused
    assert any(
        "needs the topics: the state has another currency; its topics hold all that was sent" in x for x in lines
    )


def test_without_kafka_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1:9 does not answer"):
        print_outlook(Settings(bootstrap="127.0.0.1:9"))
