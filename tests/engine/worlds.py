"""Events of any kind, drawn from the structs of the contract: few ids, few times, so that things meet and tie."""

import functools
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec import inspect

from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.events.types import KIND_OF_NAME, KINDS, Kind

NOW_MS = 1_796_000_000_000
"""2026-11-30T00:53:20Z: no multiple of 15 minutes, and not a month's first day."""

_SECOND, _HOUR, _DAY = 1000, 3_600_000, 86_400_000
AGES_MS = (
    1, 9_999, 10_000, 10_001, 4 * 60 * _SECOND, 20 * 60 * _SECOND, 3 * _HOUR, 25 * _HOUR, 3 * _DAY, 8 * _DAY, 20 * _DAY,
    30 * _DAY, 31 * _DAY, 45 * _DAY, 70 * _DAY, 100 * _DAY, 380 * _DAY, 500 * _DAY,
)  # fmt: skip
"""How long before now events happen: on both sides of tiles, windows and horizons."""

_SELDOM = {"ticket_id": 0.2, "scale_min": 0.3, "scale_max": 0.3}
"""How often fields are there that keep an answer from counting; others are so in 6 cases of 10."""
_SCORES = (-1, 0, 1, 2, 2.3333335, 3, 3.5, 4, 5, 5.0000001, 6, 7, 8, 8.9999999, 9, 10)
_SCALE_ENDS = (0, 1, 1.0000001, 3, 5, 7, 10)

_WORDS = {
    "stage": ("discovery", "proposal", "contract", "1"),
    "pipeline": ("default", "partner", "1"),
    "priority": ("urgent", "low", "1"),
}
"""Where some words mean something."""

_DATES = ("2026-01-01", "2026-01-03T09:00", "2026-11-30", "2026-12-03", "2026-02-30")

_IDLE = {"lead.qualified", "deal.stage_changed", "deal.close_date_changed", "deal.activity", "order.refunded"}

_UNREAD = {"email.bounced", "email.opened", "email.unsubscribed", "email.complained", "email.subscribed"}

FAMILIES: dict[str, tuple[Kind, ...]] = {
    family: tuple(kind for kind in KINDS if kind.name.split(".")[0] in members and kind.name not in left_out)
    for family, (members, left_out) in {
        "leads": (("lead", "deal", "order"), _IDLE - {"lead.qualified"}),
        "deals": (("deal",), ()),
        "orders": (("order",), ()),
        "purchases": (("order",), ()),
        "attribution": (("email", "order"), _UNREAD),
        "experiments": (("experiment", "deal", "order"), _IDLE - {"lead.qualified"} | {"deal.created"}),
        "costs": (("cost",), ()),
        "expansion": (("customer", "deal", "order"), _IDLE - {"order.refunded"}),
        "tickets": (("ticket",), ()),
        "recontact": (("ticket",), ()),
        "lifecycle": (("customer",), ()),
        "surveys": (("survey",), ()),
        "respondents": (("survey",), ()),
        "interactions": (("interaction",), ()),
        "complaints": (("complaint",), ()),
        "emails": (("email",), ()),
        "mailing": (("email",), ()),
        "activity": (("lead", "deal", "order", "interaction", "ticket", "survey", "customer", "complaint"), ()),
    }.items()
}
"""The kinds of events that matter to each journey."""


class Happening(NamedTuple):
    """One event to be: ``choice`` decides its data."""

    kind: str
    time_ms: int
    choice: int
    id: str
    party: str = "p"
    entity: str = "1"


def iso(time_ms: int) -> str:
    """RFC 3339, to the millisecond."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03}Z"


def value_of(happening: Happening) -> bytes:
    """The event as a CloudEvent."""
    data = data_of(KIND_OF_NAME[happening.kind], random.Random(happening.choice))
    own = happening.kind.split(".")[0] + "_id"
    if own in data:
        data[own] = happening.entity
    return encode_event(
        happening.kind, id=happening.id, source="s", time=iso(happening.time_ms), subject=happening.party, data=data
    )


def void_of(happening: Happening, void_id: str) -> bytes:
    """What takes the event back."""
    return encode_event(
        "event.voided", id=void_id, source="s", time=iso(happening.time_ms), subject=happening.party,
        data={"source": "s", "id": happening.id},
    )  # fmt: skip


def topic_of(happening: Happening) -> str:
    """Where the event goes."""
    return KIND_OF_NAME[happening.kind].topic


def record_of(happening: Happening, offset: int, timestamp_ms: int = NOW_MS) -> Record:
    """The event as a record of its topic."""
    return Record(topic_of(happening), 0, offset, timestamp_ms, happening.party.encode(), value_of(happening))


def data_of(kind: Kind, dice: random.Random) -> dict[str, Any]:
    """Data that fits the struct of a kind; fields that may be absent often are."""
    data = {}
    for field in _fields(kind):
        if field.required or dice.random() < _SELDOM.get(field.name, 0.6):
            value = _value(field.name, field.type, dice)
            if value is not None:
                data[field.encode_name] = value
    return data


@functools.cache
def _fields(kind: Kind) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind.data)
    assert isinstance(info, inspect.StructType)
    return info.fields


def _value(name: str, kind: inspect.Type, dice: random.Random) -> Any:
    match kind:
        case inspect.UnionType(types=types):
            return _value(name, next(t for t in types if not isinstance(t, inspect.NoneType)), dice)
        case inspect.LiteralType(values=values):
            return dice.choice(values)
        case inspect.BoolType():
            return dice.random() < 0.5
        case inspect.FloatType():
            return dice.choice(_SCORES if name == "score" else _SCALE_ENDS)
        case inspect.CustomType():
            return dice.choice((0, 1, 2.5, "29.33", 1000))
        case inspect.DateTimeType():
            return iso(NOW_MS - dice.choice((*AGES_MS, -_HOUR, -40 * _DAY)))
        case inspect.StrType(pattern=None):
            return dice.choice(_WORDS.get(name, ("1", "2")))
        case inspect.StrType(pattern=pattern):
            return "USD" if "A-Z" in pattern else dice.choice(_DATES)
        case inspect.IntType():
            return dice.randrange(3)
        case inspect.VarTupleType():
            return [{"product": "1", "quantity": 2}]
        case _:
            raise NotImplementedError(name)


RARE = {"ticket.merged", "ticket.deleted", "deal.deleted", "order.cancelled", "lead.merged", "customer.merged"}
"""Events after which little of their entity is left to look at."""


def one_of(kinds: Sequence[Kind], dice: random.Random) -> Kind:
    """One of the kinds, seldom a rare one."""
    return dice.choices(kinds, [1 if kind.name in RARE else 5 for kind in kinds])[0]


def random_happenings(dice: random.Random, parties: int, events_max: int) -> list[Happening]:
    """Some events of many parties, each party in one or all of the families."""
    found: list[Happening] = []
    for number in range(parties):
        kinds = dice.choice(list(FAMILIES.values()))
        ages = dice.sample(AGES_MS, 5)
        for _ in range(dice.randrange(1, events_max)):
            found.append(
                Happening(
                    one_of(kinds, dice).name,
                    NOW_MS - dice.choice(ages),
                    dice.randrange(1 << 30),
                    str(len(found)),
                    f"p{number}",
                    dice.choice("112"),
                )
            )
    return found


def happenings(journey: str, most: int = 12) -> st.SearchStrategy[list[Happening]]:
    """Some events that matter to a journey, of two parties with two entities each."""
    one = st.builds(
        Happening,
        kind=st.sampled_from([kind.name for kind in FAMILIES[journey]]),
        time_ms=st.sampled_from([NOW_MS - age_ms for age_ms in AGES_MS]),
        choice=st.integers(0, 9_999),
        id=st.just(""),
        party=st.sampled_from("ppq"),
        entity=st.sampled_from("112"),
    )
    return st.lists(one, max_size=most).map(
        lambda found: [happening._replace(id=str(number)) for number, happening in enumerate(found)]
    )
