"""Whether a state that was made under other definitions may go on under those of now."""

from collections.abc import Callable, Collection, Iterable, Mapping

from stream_kpis.engine.scopes import FORMAT
from stream_kpis.events.money import Rate

_ANEW = "start with a new app id, so that the topics are read again"


class DefinitionsChanged(Exception):  # noqa: N818 - says what happened
    """The state was made under other definitions, and the parties cannot rebuild it; one line that says what to do."""


def check(
    before: Mapping[str, str],
    now: Mapping[str, str],
    journeys: Collection[str],
    pulsing: bool,
    has_seals: Callable[[str], bool],
) -> None:
    """Refuses what would count wrong.

    Args:
        before: the definitions in the state's header.
        now: those of the plan, with zone, currency and format.
        journeys: the names of those that run now.
        pulsing: whether the last event of each party is counted.
        has_seals: whether anything of a journey is sealed in the state.

    Raises:
        DefinitionsChanged: the zone or currency is another one, or a measure needs a journey whose events were not
            kept.
    """
    if before.get("format") != FORMAT:
        raise DefinitionsChanged(f"this state was written by another version of stream-kpis; {_ANEW}")
    for name in ("zone", "currency"):
        if before.get(name, now[name]) != now[name]:
            raise DefinitionsChanged(
                f"this state has the {name} {before[name]}, not {now[name]}: set it back, or {_ANEW}"
            )
    if problem := lost_events(before, journeys, pulsing):
        raise DefinitionsChanged(f"{problem}; {_ANEW}")
    for journey in _journeys(now):
        if problem := journey_problem(journey, before, now, has_seals):
            raise DefinitionsChanged(f"{problem}; {_ANEW}")


def _journeys(definitions: Iterable[str]) -> list[str]:
    return [name.removeprefix("journey:") for name in definitions if name.startswith("journey:")]


def lost_events(before: Mapping[str, str], journeys: Collection[str], pulsing: bool) -> str:
    """Why the parties' last events are no longer all known; empty if they are, or nobody counts them."""
    gone = set(_journeys(before)) - set(journeys)
    return f"journey {min(gone)} is gone, and with it some last events" if gone and pulsing else ""


def journey_problem(
    journey: str, before: Mapping[str, str], now: Mapping[str, str], has_seals: Callable[[str], bool]
) -> str:
    """Why the facts of a journey cannot be made of the state; empty if they can.

    Its events must have been kept, and nothing of it sealed as another version of it.
    """
    name = f"journey:{journey}"
    if name not in before:
        return f"journey {journey} did not run before"
    if before[name] != now[name] and has_seals(journey):
        return f"journey {journey} has changed, and some of its state is sealed"
    return ""


def check_rates(disagreement: tuple[Rate, Rate] | None) -> None:
    """Refuses a rate that is another one than what was counted with.

    Raises:
        DefinitionsChanged: there is one.
    """
    if disagreement is not None:
        used, known = disagreement
        raise DefinitionsChanged(
            f"the rate of {used.currency} on {used.date} is {known.text}, but this state was counted with {used.text}:"
            f" set it back, or {_ANEW}"
        )
