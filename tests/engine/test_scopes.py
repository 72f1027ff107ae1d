"""How large the record of a scope grows: before one could not be written, its entity is refused more events."""

import random
from typing import Any

import pytest

from stream_kpis.engine import scopes
from stream_kpis.engine.scopes import Scope
from stream_kpis.events.envelope import Incoming, Reader, encode_event, events_encoder
from stream_kpis.events.types import KIND_OF_NAME, STRING_BYTES_MAX, Kind
from stream_kpis.journeys import JOURNEYS
from stream_kpis.stream.topic_configs import RECORD_BYTES_MAX
from tests.engine.worlds import FAMILIES, NOW_MS, data_of, iso

ABOUT = 100
"""Bytes of a record beside its sealed state, state and events."""
LONGEST = 64 << 10
"""Of an event, which is the last one that its scope takes."""


def test_the_longest_e_mails_of_a_campaign_fit_into_a_record() -> None:
    """Each says something else, so that the events, and the state beside them, hold it all."""
    scope, dice = Scope(JOURNEYS["emails"], "p", b"", JOURNEYS["emails"].state()), random.Random(3)
    lacks = fill(scope, [KIND_OF_NAME["email.sent"]], dice, lengths=(STRING_BYTES_MAX,), often=False)
    assert "bytes of events" in lacks
    assert 0.8 * scopes.BYTES_MAX < len(scope.encoded()) < scopes.BYTES_MAX + LONGEST
    assert 1.5 * scopes.BYTES_MAX + LONGEST + ABOUT < RECORD_BYTES_MAX - (64 << 10)


@pytest.mark.parametrize("length", ["short", "long", "any"])
@pytest.mark.parametrize("journey", FAMILIES)
def test_a_record_is_never_larger(journey: str, length: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens, sealed in part again and again, and read back."""
    most, dice = 20_000, random.Random(f"{journey} {length}")
    monkeypatch.setattr(scopes, "BYTES_MAX", most)
    scope = Scope(JOURNEYS[journey], "p", b"", JOURNEYS[journey].state())
    lengths = {"short": (1, 3), "long": (200, STRING_BYTES_MAX), "any": (1, 20, 200)}[length]
    sizes, sealed, refused = [], 0, 0
    for turn in range(12):
        lacks = fill(scope, FAMILIES[journey], dice, lengths, at_ms=NOW_MS - 10**9 + turn * 10**7)
        refused += "bytes of events" in lacks
        sizes.append(len(scope.encoded()))
        scope = restored(scope)
        sealed += len(scope.seal_before(scope.oldest_ms + 1000 * dice.choice((3, 20, 100, 10_000))))
        sizes.append(len(scope.encoded()))
        scope = restored(scope)
    assert sealed
    assert refused
    assert max(sizes) <= 1.5 * most + 6_000, "the last event may be so long here"


def restored(scope: Scope) -> Scope:
    """The scope, read back from its record; it means the same."""
    again = Scope.of(scope.journey, scope.party, scope.key, scope.encoded())
    assert again.facts == scope.journey.facts(scope.state)
    assert events_encoder.encode(again.events) == events_encoder.encode(scope.events)
    assert (again.seal, again.base, again.full_of) == (scope.seal, scope.base, scope.full_of)
    return again


def fill(
    scope: Scope, kinds: list[Kind] | tuple[Kind, ...], dice: random.Random, lengths: tuple[int, ...],
    at_ms: int = NOW_MS - 10**9, *, often: bool = True,
) -> str:  # fmt: skip
    """Events of each second, some late, some taken out, until there is no room; returns what it is said to lack."""
    reader = Reader()
    for number in range(20_000):
        kind, late = dice.choice(kinds), 1000 * min(number, dice.choice((0, 0, 0, 7)))
        value = encode_event(
            kind.name, id=f"{at_ms}-{number}", source="s", time=iso(at_ms + 1000 * number - late), subject="p",
            data={name: told(name, said, dice, lengths) for name, said in data_of(kind, dice).items()},
        )  # fmt: skip
        incoming = reader.read(value, None, at_ms + 1000 * number)
        if not isinstance(incoming, Incoming):
            continue
        if lacks := scope.full_of:
            break
        scope.insert(incoming.event)
        match dice.randrange(20) if often else None:
            case 0:
                scope.settle()
                scope.remove(dice.choice(scope.events))
            case 1 | 2:
                scope.settle()
                scope.encoded()
    scope.settle()
    return lacks


def told(name: str, said: Any, dice: random.Random, lengths: tuple[int, ...]) -> Any:
    """Something of any length, instead of what is free to say; of an entity, one of many."""
    if name == "items":
        return [{"product": told("", "1", dice, lengths), "quantity": 2} for _ in range(dice.choice((1, 5, 100)))]
    if said in ("1", "2"):
        length = dice.choice(lengths)
        return f"{dice.randrange(100 if length == 1 else 10**6)}{said:{length}}"[:length]
    return said
