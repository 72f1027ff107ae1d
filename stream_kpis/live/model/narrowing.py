"""A plan that counts no more than some values need: for whoever looks at them many times."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from stream_kpis.engine.compiler import Action, Plan
from stream_kpis.engine.rebuild import journeys_of
from stream_kpis.engine.tiles import Calendar
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.journey import counting
from stream_kpis.kpis.load import Catalogue
from stream_kpis.kpis.schema import Operator
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.model.witnesses import of_beginnings

_LEVEL = ("now",)
"""The windows of what stands at an instant, of which operators make something else than of others."""


class Wanted(NamedTuple):
    """Values that are looked at."""

    kpi: str
    window: str
    by: str = ""
    """The grouping; empty for the total."""
    operator: Operator | None = None
    """Whose results are looked at too."""


def narrowed(plan: Plan, calendar: Calendar, wanted: Iterable[Wanted]) -> Plan:
    """The plan of the same definitions that makes these values, as the whole one does, and their totals.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        wanted: which values.
    """
    sources = Sources(plan, calendar)
    whole = dict.fromkeys(with_parts for one in wanted for with_parts in _with_parts(sources, one))
    some = [*whole, *(one._replace(by="") for one in whole if one.by)]
    indexes: set[int] = set()
    for one in some:
        indexes |= {source.grouping for source in sources.of(one.kpi, one.by, one.window)}
        if one.operator is not None:
            indexes |= sources.past_groupings(one.kpi, one.by)
    beginnings = of_beginnings(plan)
    indexes |= {at for index in indexes for at in beginnings.get(plan.groupings[index].measure, ())}
    measures = {plan.groupings[index].measure for index in indexes}
    indexes |= {index for index, g in enumerate(plan.groupings) if g.measure in measures and not g.by}
    kept = sorted(indexes)
    actions = _actions(plan.actions, {old: new for new, old in enumerate(kept)})
    running = frozenset[str]().union(*(journeys_of(plan, measure) for measure in measures))
    return plan._replace(
        catalogue=_catalogue(plan.catalogue, some, measures),
        groupings=tuple(plan.groupings[index] for index in kept),
        actions=actions,
        journeys=JOURNEYS | {name: counting(JOURNEYS[name], actions, plan.agreed) for name in running},
        definitions={
            name: said
            for name, said in plan.definitions.items()
            if name in measures or name.removeprefix("journey:") in running
        },
    )


def _with_parts(sources: Sources, one: Wanted) -> Iterable[Wanted]:
    """A value and those that it is composed of."""
    return [
        one,
        *(deeper for part in sources.parts(one.kpi) for deeper in _with_parts(sources, one._replace(kpi=part.name))),
    ]


def _actions(actions: Mapping[str, Collection[Action]], places: Mapping[int, int]) -> dict[str, tuple[Action, ...]]:
    """What facts do to the groupings that are kept, in their new places."""
    found: dict[str, tuple[Action, ...]] = {}
    for fact, todo in actions.items():
        left = [
            action._replace(
                targets=tuple((places[index], dims) for index, dims in action.targets if index in places),
                looked=tuple((places[index], dims) for index, dims in action.looked if index in places),
            )
            for action in todo
        ]
        if some := tuple(action for action in left if action.targets or action.looked):
            found[fact] = some
    return found


def _alike(some: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether operators take a KPI with some of its windows for what it is."""
    return (some == _LEVEL) == (whole == _LEVEL)


def _catalogue(whole: Catalogue, some: Collection[Wanted], measures: Collection[str]) -> Catalogue:
    """The KPIs with the windows, groupings and operators that are wanted."""
    kpis = {}
    for name, kpi in whole.kpis.items():
        mine = [one for one in some if one.kpi == name]
        if not mine:
            continue
        operators = tuple(dict.fromkeys(one.operator for one in mine if one.operator is not None))
        windows = tuple(window for window in kpi.windows if any(one.window == window for one in mine))
        kpis[name] = msgspec.structs.replace(
            kpi,
            windows=windows,
            by=tuple(by for by in kpi.by if any(one.by == by for one in mine)),
            operators=operators if _alike(windows, kpi.windows) else (),
        )
    return whole._replace(
        measures={name: measure for name, measure in whole.measures.items() if name in measures},
        kpis=kpis,
        formulas={name: whole.formulas[name] for name in kpis},
        samples={name: formula for name, formula in whole.samples.items() if name in kpis},
        pasts={name: formula for name, formula in whole.pasts.items() if name in measures},
    )
