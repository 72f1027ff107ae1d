"""What can go wrong in the simulated company, to see that somebody is told, and told again when it is over."""

from collections.abc import Callable
from typing import NamedTuple

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, MINUTE, SECOND
from stream_kpis.proof.simulate.world import WAIT, Life, World, voided

WAVE_SHARE = 0.15
"""How many of the customers a churn wave takes."""
WAVE_SETTLED = 31 * DAY
"""A churn wave takes those who have been customers for longer, since only they count in a 30-day churn rate."""

NIGHT_TICKETS = 3
FEW = 12
"""Fewer than the samples that a judgement needs."""
APART = 5 * MINUTE
"""Between the tickets of a scenario, unless it is too short for that."""


class Scenario(NamedTuple):
    """A disturbance with an end: ``begin(world, start_ms, end_ms)`` arranges for both."""

    name: str
    description: str
    begin: Callable[[World, int, int], None]


def _slow_responses(world: World, start_ms: int, end_ms: int) -> None:
    world.slow.append((start_ms, end_ms))


def _churn_wave(world: World, start_ms: int, end_ms: int) -> None:
    world.spawn("", _wave(world, start_ms, end_ms))


def _wave(world: World, start_ms: int, end_ms: int) -> Life:
    yield start_ms, WAIT, {}
    settled = [party for party, since in world.active.items() if since < start_ms - WAVE_SETTLED] or list(world.active)
    spread = min(60 * SECOND, (end_ms - start_ms) // 2)
    for _ in range(min(len(settled), max(1, round(len(world.active) * WAVE_SHARE)))):
        party = settled.pop(int(world.dice.random() * len(settled)))
        world.spawn(party, _wrong_churn(world, party, start_ms + world.dice.between(0, spread), end_ms))


def _wrong_churn(world: World, party: str, at: int, end_ms: int) -> Life:
    """A churn that never was: told now, taken back after the end."""
    since = world.active.pop(party)
    name = yield at, "customer.churned", {"reason": world.dice.pick(palette.LEAVING)}
    yield end_ms + world.dice.between(0, 20 * SECOND), voided("customer.churned"), world.undo("customer.churned", name)
    world.active[party] = since


def _quiet_night(world: World, start_ms: int, end_ms: int) -> None:
    world.quiet.append((start_ms, end_ms))
    for at in _spread(NIGHT_TICKETS, start_ms, end_ms):
        world.spawn(world.customer(), _ticket(world, at, "normal", end_ms + world.dice.between(0, MINUTE)))


def _small_sample(world: World, start_ms: int, end_ms: int) -> None:
    for at in _spread(FEW, start_ms, end_ms):
        soon, late = at + world.dice.between(10 * SECOND, MINUTE), end_ms + world.dice.between(0, MINUTE)
        world.spawn(world.customer(), _ticket(world, at, "urgent", soon, late))


def _spread(count: int, start_ms: int, end_ms: int) -> range:
    """So many times in [start_ms, end_ms)."""
    apart = max(min(APART, (end_ms - start_ms) // count), 1)
    return range(start_ms, start_ms + count * apart, apart)


def _ticket(world: World, at: int, priority: str, answered_ms: int, solved_ms: int | None = None) -> Life:
    """A customer's ticket; times in ms."""
    agent, team = palette.AGENTS[0]
    ticket = {"ticket_id": world.new_id("ticket")}
    yield at, "ticket.created", {**ticket, "channel": "chat", "priority": priority, "team": team}
    yield answered_ms, "ticket.message", {**ticket, "author": "agent", "agent_id": agent, "team": team}
    if solved_ms is not None:
        yield solved_ms, "ticket.status_changed", {**ticket, "status": "solved"}


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "slow-responses", "agents hardly answer; at the end what waits is answered within a minute", _slow_responses
        ),
        Scenario(
            "churn-wave", "one customer in seven is said to have churned; at the end all is taken back", _churn_wave
        ),
        Scenario(
            "quiet-night", "hardly anything happens, nobody is there to answer, and three customers wait", _quiet_night
        ),
        Scenario("small-sample", "twelve urgent tickets of an hour are answered but not solved", _small_sample),
    )
}
