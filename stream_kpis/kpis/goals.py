"""What is aimed at: targets, quotas, and the shares of experiments."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from math import isclose, isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec
import yaml

from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of
from stream_kpis.kpis.schema import Kpi

MICRO = 1_000_000
TARGETS_MAX = 10_000
"""KPIs, windows and groups with a target, from the file and the topic together."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one KPI should be, from a day on, until a later one of the same KPI, window and group begins."""

    kpi: str
    window: str
    target: float
    """In the KPI's unit; of a sum over mtd, qtd, ytd for the whole period."""
    group: dict[str, str] = {}
    """By dimension its value; none for the total."""
    since: date = msgspec.field(name="from", default=date.min)
    """The first day."""
    better: Literal["higher", "lower"] | None = None
    """Which direction is good; the KPI's, if it is not said."""
    goal: str = ""
    department: str = ""
    owner: str = ""
    deadline: date | None = None
    calendar: str = ""
    """The name of the business calendar in which the time of a period passes; without it the wall clock."""
    calls: Literal["page", "warning", "none"] | None = None
    """How loud its alert is; a warning, if it is not said."""
    calls_during: str = ""
    """The business calendar in which alone its alert calls, so that nobody is woken at night; without it always."""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What it is for: KPI, window, grouping, group."""
        return self.kpi, self.window, ",".join(self.group), ",".join(self.group.values())


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One goal with its targets, which take from it what they do not say themselves."""

    goal: str
    department: Literal["sales", "service", "marketing", "customers"]
    owner: str = ""
    since: date = msgspec.field(name="from", default=date.min)
    deadline: date | None = None
    calendar: str = ""
    calls: Literal["page", "warning", "none"] | None = None
    calls_during: str = ""


class Goals(NamedTuple):
    """All that is aimed at."""

    targets: tuple[Target, ...] = ()
    quotas: Mapping[str, int] = _NOTHING
    """Micro-units per month, by owner."""
    experiments: Mapping[str, Mapping[str, float]] = _NOTHING
    """The share of each variant, by experiment."""

    @property
    def digest(self) -> str:
        """A hash of what values are made of: quotas and shares."""
        said = {"quotas": dict(self.quotas), "experiments": {name: dict(of) for name, of in self.experiments.items()}}
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:8]


NO_GOALS = Goals()
_SECTIONS = ("goals", "quotas", "experiments")


def load_goals(file: Path, kpis: Mapping[str, Kpi]) -> Goals:
    """The goals of a file.

    Args:
        file: YAML with the sections ``goals``, ``quotas``, ``experiments``.
        kpis: the catalogue that the goals are for.

    Raises:
        CatalogueError: unreadable, misspelled, or for what is not in the catalogue.
    """
    targets: list[Target] = []
    quotas: dict[str, int] = {}
    experiments: dict[str, Mapping[str, float]] = {}
    seen: _Seen = {}
    for section, (key, node) in entries_of(file, tree_of(file)).items():
        if section not in _SECTIONS:
            raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{nearest(section, _SECTIONS)}")
        for name, (at, entry) in entries_of(file, node).items():
            match section:
                case "goals":
                    targets += _targets(file, name, at, entry, kpis, seen)
                case "quotas":
                    quotas[name] = round(_number(file, name, entry) * MICRO)
                case _:
                    experiments[name] = _shares(file, name, at, entry)
        if len({target.place for target in targets}) > TARGETS_MAX:
            what = f"at most {TARGETS_MAX} KPIs, windows and groups may have targets"
            raise CatalogueError(f"{place(file, key)}: {section}: {what}")
    return Goals(tuple(targets), quotas, experiments)


_Seen = dict[tuple[tuple[str, str, str, str], date], str]
"""Where each target stands, by what it is for and its first day."""


def _targets(file: Path, name: str, at: Any, node: Any, kpis: Mapping[str, Kpi], seen: _Seen) -> Iterable[Target]:
    places = {f"goals.{name}": place(file, at)}
    fields = entries_of(file, node)
    key, listed = fields.pop("targets", (at, None))
    if not (isinstance(listed, yaml.SequenceNode) and listed.value):
        raise CatalogueError(f"{place(file, key)}: {name}: a goal needs a list of targets")
    rest = yaml.MappingNode(node.tag, list(fields.values()), node.start_mark)
    goal = struct(file, f"goals.{name}", rest, Goal, places)
    for number, item in enumerate(listed.value, 1):
        entry = f"goals.{name}, target {number}"
        places[entry] = place(file, item)
        said = struct(file, entry, item, Target, places)
        target = msgspec.structs.replace(
            said,
            goal=said.goal or goal.goal, department=said.department or goal.department, owner=said.owner or goal.owner,
            since=said.since if said.since != date.min else goal.since, deadline=said.deadline or goal.deadline,
            calendar=said.calendar or goal.calendar, calls=said.calls or goal.calls,
            calls_during=said.calls_during or goal.calls_during,
        )  # fmt: skip
        if wrong := mistake(target, kpis):
            field, problem = wrong
            raise CatalogueError(f"{place_of(places, entry, field)}: {problem}")
        before = seen.setdefault((target.place, target.since), place(file, item))
        if before != place(file, item):
            raise CatalogueError(f"{place(file, item)}: {target.kpi} has a target from that day already, in {before}")
        yield target


def mistake(target: Target, kpis: Mapping[str, Kpi]) -> tuple[str, str] | None:
    """The field of a target that does not fit the catalogue, and why; None if all do."""
    kpi = kpis.get(target.kpi)
    if kpi is None:
        return "kpi", f"unknown KPI {target.kpi!r}{nearest(target.kpi, kpis)}"
    if target.window not in kpi.windows:
        there_are = f"; there are {', '.join(kpi.windows)}"
        return (
            "window",
            f"{target.kpi} has no window {target.window!r}{nearest(target.window, kpi.windows) or there_are}",
        )
    by = ",".join(target.group)
    if by and by not in kpi.by:
        return "group", f"{target.kpi} is not grouped by {by!r}{nearest(by, kpi.by)}"
    if problem := _beyond(target, kpi):
        return "target", problem
    if target.deadline is not None and target.deadline < target.since:
        return "deadline", f"the deadline {target.deadline} lies before the first day, {target.since}"
    return None


def _beyond(target: Target, kpi: Kpi) -> str | None:
    if not isfinite(target.target):
        return f"a target is a finite number, not {target.target}"
    problem = kpi.beyond(target.target)
    return problem and f"{target.kpi} {problem}"


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """A target as a record of the topic has it."""

    kpi: str
    window: str
    value: float
    by: str = ""
    group: str = ""
    unit: str = ""
    since: date = msgspec.field(name="from", default=date.min)
    goal: str = ""
    owner: str = ""


_told = msgspec.json.Decoder(_Told).decode


def told(record: bytes, kpis: Mapping[str, Kpi], currency: str = "USD") -> Target:
    """The target of a record of the topic.

    Args:
        record: JSON ``{kpi, window, by, group, value, unit?, from, goal, owner}``; ``by`` and ``group`` are texts, with
            commas for several dimensions.
        kpis: the catalogue.
        currency: the reporting currency.

    Raises:
        ValueError: it is none, or fits no KPI.

    >>> kpi = Kpi(title="", formula="", unit="count", windows=("mtd",), by=("channel",))
    >>> told(b'{"kpi": "orders", "window": "mtd", "by": "channel", "group": "web", "value": 9}', {"orders": kpi}).place
    ('orders', 'mtd', 'channel', 'web')
    """
    said = _told(record)  # msgspec's errors are ValueErrors
    dimensions = said.by.split(",") if said.by else []
    values = said.group.split(",", len(dimensions) - 1) if dimensions else []
    if len(dimensions) != len(values) or (said.group and not said.by):
        raise ValueError(f"group {said.group!r} does not fit by {said.by!r}")
    target = Target(
        kpi=said.kpi, window=said.window, target=said.value, group=dict(zip(dimensions, values, strict=True)),
        since=said.since, goal=said.goal, owner=said.owner,
    )  # fmt: skip
    if wrong := mistake(target, kpis):
        raise ValueError(wrong[1])
    unit = kpis[said.kpi].unit.replace("currency", currency)
    if said.unit and said.unit not in (unit, kpis[said.kpi].unit):
        raise ValueError(f"unit {said.unit!r} is not that of {said.kpi}, {unit}")
    return target


def _number(file: Path, name: str, node: Any) -> float:
    try:
        number = float(node.value)
    except (TypeError, ValueError):
        number = 0.0
    if not (isfinite(number) and number > 0):
        raise CatalogueError(f"{place(file, node)}: {name}: a number above 0 is expected here")
    return number


def _shares(file: Path, name: str, at: Any, node: Any) -> dict[str, float]:
    shares = {variant: _number(file, variant, value) for variant, (_, value) in entries_of(file, node).items()}
    if not isclose(sum(shares.values()), 1, abs_tol=1e-9):
        raise CatalogueError(f"{place(file, at)}: {name}: the shares add up to {sum(shares.values()):g}, not 1")
    return shares
