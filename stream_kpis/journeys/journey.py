"""What a journey is: a fold over the events of one entity or party, and what its state means.

Facts are a function of the state, not of the step. So a late event, a correction, a merge, a void and a reopening are
one mechanism: fold again, and add the difference between the new facts and the old ones.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from stream_kpis.events.envelope import Event
from stream_kpis.events.types import Data
from stream_kpis.journeys.facts import Fact
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.terms import USUAL, Terms

NO_CALENDARS = Calendars()


class Agreed(NamedTuple):
    """What a company has agreed on, as data: what facts may rest on beside events."""

    calendars: Calendars = NO_CALENDARS
    terms: Terms = USUAL


BY_DEFAULT = Agreed()

Links = Mapping[tuple[str, str], tuple[str, int]]
"""What converts leads of other parties: by (the lead's party, the deal or order), the lead's id and when in ms."""
NO_LINKS: Links = {}


class Journey(NamedTuple):
    """One fold.

    ``takes`` maps the event types it folds to the name of the field that holds the entity's id, or None where the party
    is the scope; an event that names no id is an entity of its own, and so is each where the name is empty. ``step``
    moves a state by one event, in place (the engine owns the state and folds anew after an error); ``facts`` reads the
    state, and so do ``links``, which say what it means for leads of other parties. All are pure otherwise: no clock, no
    randomness, no I/O. ``state`` is a msgspec struct whose defaults are the state before the first event. ``keeps``
    says what is kept of an event of a party: less, or what the party's name adds. ``makers`` are the parts of ``facts``
    that can be left out, each with the names of what it makes; see :func:`counting`. ``termed`` are the parts that rest
    on the company's terms; ``facts`` has those by the usual ones, and ``makers`` make the rest of it. ``clocked`` are
    further makers, of the facts that rest on business calendars and are made only if they are counted. ``by_entity``
    parts ``facts`` by entity where all of a party are folded together, for people who ask which it was. One that
    ``takes_rest`` takes only the events that no other running journey takes. ``version`` rises with every change of its
    meaning: then its measures are built anew.
    """

    name: str
    state: type[Any]
    takes: Mapping[type[Data], str | None]
    step: Callable[[Any, Event], None]
    facts: Callable[[Any], list[Fact]]
    keeps: Callable[[Data, str], Data] | None = None
    makers: tuple[tuple[frozenset[str], Callable[[Any], list[Fact]]], ...] = ()
    termed: tuple[tuple[frozenset[str], Callable[[Any, Agreed], list[Fact]]], ...] = ()
    clocked: tuple[tuple[frozenset[str], Callable[[Any, Agreed], list[Fact]]], ...] = ()
    links: Callable[[Any], Links] | None = None
    by_entity: Callable[[Any], Mapping[str, list[Fact]]] | None = None
    takes_rest: bool = False
    version: int = 1


def told_of(journey: Journey, entity: str, state: Any, facts: Iterable[Fact]) -> Iterator[tuple[str, Fact]]:
    """Each fact of a scope with the id of its entity, as far as that is known.

    Args:
        journey: the scope's.
        entity: the scope's; empty where it is a party.
        state: the scope's.
        facts: what the state says.
    """
    if journey.by_entity is None:
        yield from ((entity, fact) for fact in facts)
        return
    left = Counter(facts)
    for name, some in journey.by_entity(state).items():
        for fact in some:
            if left[fact] > 0:
                left[fact] -= 1
                yield name, fact
    yield from ((entity, fact) for fact in left.elements())


def _under(make: Callable[[Any, Agreed], list[Fact]], agreed: Agreed, state: Any) -> list[Fact]:
    return make(state, agreed)


def counting(journey: Journey, wanted: Collection[str], agreed: Agreed = BY_DEFAULT) -> Journey:
    """The journey, which makes no facts that nobody counts, as far as its makers allow.

    Args:
        journey: a journey.
        wanted: the names of the facts that are counted.
        agreed: what facts under a business clock rest on, and those that are a matter of terms.
    """
    chosen = [make for names, make in journey.makers if not names.isdisjoint(wanted)]
    if len(chosen) == len(journey.makers) and not journey.termed:
        chosen = [journey.facts]
    resting = [make for names, make in (*journey.termed, *journey.clocked) if not names.isdisjoint(wanted)]
    chosen += [partial(_under, make, agreed) for make in resting]
    if len(chosen) == 1:
        return journey._replace(facts=chosen[0])
    return journey._replace(facts=lambda state: [fact for make in chosen for fact in make(state)])
