"""A cost: money spent at once, or evenly over the days of a span."""

import re
from datetime import date

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

DAYS_MAX = 3_660
"""The longest span over which a cost is spread; one of a longer one counts at its own time."""
_DAY_MS = 86_400_000
_HALF_PAST_TEN_MS = 37_800_000
"""Of UTC: it lies in the business day of that date in all zones from -10:30 to +13:29."""
_EPOCH = date(1970, 1, 1).toordinal()
_CAMPAIGN = "campaign:"
_is_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


class Cost(msgspec.Struct, array_like=True):
    """The state of one cost; ``days`` is (the first one since 1970, how many), if it is spread."""

    at_ms: int | None = None
    amount: int = 0
    dims: tuple[str | None, ...] = ()
    days: tuple[int, int] | None = None


def step(cost: Cost, event: Event) -> None:
    """It was spent."""
    data = event.data
    if isinstance(data, t.CostIncurred):
        cost.at_ms, cost.amount = event.time_ms, data.amount
        cost.dims = (data.kind, data.channel, data.campaign_id, data.owner_id, data.team)
        cost.days = _days(data.since, data.until)


def _days(since: str | None, until: str | None) -> tuple[int, int] | None:
    """The first day since 1970 and how many there are, both ends in; None for no span, or one too long."""
    first, last = _day(since), _day(until)
    if first is None or last is None or not 0 <= last - first < DAYS_MAX:
        return None
    return first, last - first + 1


def _day(said: str | None) -> int | None:
    """A date as the number of its day since 1970, by its first ten characters; None if they are none."""
    if said is None or not _is_date(said[:10]):
        return None
    try:
        return date.fromisoformat(said[:10]).toordinal() - _EPOCH
    except ValueError:
        return None


def facts(cost: Cost) -> list[Fact]:
    """The cost at its time, or a share of it on each day; days before 1970 are in no window."""
    if cost.at_ms is None:
        return []
    if cost.days is None:
        return [Fact("cost", cost.at_ms, cost.amount, cost.dims)]
    first, count = cost.days
    found, before = [], 0
    for day in range(1, count + 1):
        after = day * cost.amount // count
        if first + day > 0:
            found.append(Fact("cost", (first + day - 1) * _DAY_MS + _HALF_PAST_TEN_MS, after - before, cost.dims))
        before = after
    return found


def _with_campaign(data: t.Data, party: str) -> t.Data:
    """The cost with the campaign that its party is, if it names none."""
    if isinstance(data, t.CostIncurred) and data.campaign_id is None and party.startswith(_CAMPAIGN):
        return msgspec.structs.replace(data, campaign_id=party.removeprefix(_CAMPAIGN) or None)
    return data


JOURNEY = Journey(
    name="costs",
    state=Cost,
    takes={t.CostIncurred: ""},
    step=step,
    facts=facts,
    keeps=_with_campaign,
    version=2,
)
