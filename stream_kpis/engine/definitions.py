"""Whether a state that was made under other definitions may go on under those of now."""

from collections.abc import Callable, Collection, Mapping

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
    gone = {name.removeprefix("journey:") for name in before if name.startswith("journey:")} - set(journeys)
    if gone and pulsing:
        raise DefinitionsChanged(f"journey {min(gone)} is gone, and with it some last events; {_ANEW}")
    for name in now:
        _check_journey(name, before, now, has_seals)


def _check_journey(
    name: str, before: Mapping[str, str], now: Mapping[str, str], has_seals: Callable[[str], bool]
) -> None:
    """A journey's events must have been kept, and nothing of it sealed as another version of it."""
    journey = name.removeprefix("journey:")
    if journey == name or before.get(name) == now[name]:
        return
    if name not in before or has_seals(journey):
        why = "has changed, and some of its state is sealed" if name in before else "did not run before"
        raise DefinitionsChanged(f"journey {journey} {why}; {_ANEW}")


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
