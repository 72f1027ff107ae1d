"""The command `verify`: engine against oracle, in this process or through a real local Kafka with several workers."""

import asyncio
import heapq
import time
from collections.abc import Collection, Iterable
from operator import attrgetter

import aiohttp
import click
import msgspec

from stream_kpis.events.money import Rate
from stream_kpis.events.rates import encode_rate
from stream_kpis.local.kafka import LocalKafka
from stream_kpis.local.pipeline import Pipeline, check_workers
from stream_kpis.local.scratch import scratch
from stream_kpis.local.sender import chosen_faults, of_the_company, send_history, wall_ms
from stream_kpis.local.verdict import Verdict, as_json, print_report, told, verdict
from stream_kpis.plan import compile_plan, goals_of
from stream_kpis.proof.pipeline import prove_snapshot
from stream_kpis.proof.quotes import quotes_of, write_file
from stream_kpis.proof.simulate import CARRY_DAYS, Simulated, Simulation, faults, in_currencies
from stream_kpis.proof.verify import Case, Proof, verify
from stream_kpis.settings import Settings
from stream_kpis.stream.control import deployed_plan
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import RATES

DAYS = 400
_WORKERS = 2
_EVENTS_PER_PARTY = 60
_PARTIES_MIN = 20


def print_verification(
    settings: Settings, *, events: int, faults: Collection[str], seeds: int, count: int, kafka: bool,
    workers: int | None, every: bool, json_wanted: bool,
) -> int:  # fmt: skip
    """Verifies some seeds; returns the exit code: 0 if all are equal, else 1.

    Raises:
        ValueError: there is no such fault, or more workers than partitions.
    """
    kinds = chosen_faults(faults)
    workers = workers or _WORKERS
    if kafka:
        check_workers(settings, workers)
    settings = of_the_company(settings)
    plan = compile_plan(settings)
    goals, code = goals_of(settings, plan), 0
    for seed in range(seeds, seeds + count):
        began = time.monotonic()
        if kafka:
            proof = verify_through_kafka(settings, events, kinds, seed, workers)
        else:
            proof = verify(
                plan, Case(events, kinds, seed, days=DAYS, zone=settings.zone, currency=settings.currency), goals
            )
        if json_wanted:
            click.echo(as_json(proof, seed))
        else:
            print_report(proof, every=every)
            click.echo(f"seed {seed}: {told(proof.report)}, {time.monotonic() - began:.0f} s")
        if verdict(proof.report) is not Verdict.EQUAL:
            code = 1
    return code


def verify_through_kafka(settings: Settings, events: int, kinds: Collection[str], seed: int, workers: int) -> Proof:
    """The same through a broker, workers and an exporter of its own."""
    set_up_logging(settings.verbose)
    with (
        scratch(settings.data_dir, "verify-") as folder,
        LocalKafka(folder / "kafka", progress=lambda line: click.echo(line, err=True)) as broker,
    ):
        until_ms = wall_ms()
        quotes = quotes_of(seed, DAYS, until_ms, kinds)
        own = msgspec.structs.replace(
            settings, bootstrap=broker.bootstrap, host="127.0.0.1", data_dir=folder, rates_carry_days=CARRY_DAYS,
            rates=write_file(quotes, folder, settings.currency),
        )  # fmt: skip
        parties = max(events // _EVENTS_PER_PARTY, _PARTIES_MIN)
        history = in_currencies(Simulation(seed, parties).history(events, DAYS, until_ms), seed)
        line = faults(history, kinds, seed, settings.partitions) if kinds else history
        told = map(_as_record, quotes.told)
        with Pipeline(own, folder, workers) as pipeline:
            return asyncio.run(_verify_live(pipeline, heapq.merge(line, told, key=attrgetter("time_ms"))))


def _as_record(rate: Rate) -> Simulated:
    key, value = encode_rate(rate)
    return Simulated(RATES, key.decode(), value, rate.known_ms, 0)


async def _verify_live(pipeline: Pipeline, records: Iterable[Simulated]) -> Proof:
    settings = pipeline.settings
    await pipeline.start()
    async with SourceProducer(settings) as producer, aiohttp.ClientSession() as http:
        await send_history(producer, records)
        snapshot = await pipeline.settled(http)
    plan = await deployed_plan(settings)
    return await prove_snapshot(settings, plan, goals_of(settings, plan), snapshot)
