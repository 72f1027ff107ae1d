"""The receipt of one value: its formula with the figures in it, and all that one must know to believe it. Pure.

Made from a snapshot and the read model behind it. `docs/receipts.md` says how to read one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, isclose
from typing import Any, NamedTuple

import msgspec

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import BELOW
from stream_kpis.engine.reading import ENDING_NOW, FUNCTIONS
from stream_kpis.engine.tiles import DAY_MS, HOUR_MS, MID_MS, Calendar, Edges
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import Binary, Node, Part, Positive, Reading, readings
from stream_kpis.kpis.load import days_of, kind_of, nearest
from stream_kpis.kpis.schema import PERIODS, Kpi
from stream_kpis.live.api import rfc3339
from stream_kpis.live.effects import Effect, Parts, adds_up, effects_of
from stream_kpis.live.pipeline import DEAD_LETTERS
from stream_kpis.live.read_model import ReadModel
from stream_kpis.live.readings import KpiReader
from stream_kpis.live.snapshot import Snapshot, State, Value
from stream_kpis.live.sources import Sources, composed
from stream_kpis.live.tables import people
from stream_kpis.live.valuing import SCALE

CONTRIBUTORS_MAX = 5
"""Groups named of each dimension; the others are one line."""
_TIMES = ("count_ms", "distinct_ms", "window_ms", "carried", "carried_all")
"""Functions that give times in ms, never negative."""
_SCALED = ("micro-units", "micro-points")
_COUNTERS = {
    "duplicates": "came before with the same bytes",
    "voided": "taken back by event.voided",
    "voids_unmatched": "voids whose event was not there, or was sealed",
    "unused": "no KPI uses their type",
}
"""What of all events does not count, by the shards' counters."""


class Figure(NamedTuple):
    """One reading of the formula."""

    reading: str
    number: float | int | None
    """As in state: counts, ms, micro-units."""
    text: str
    """The same for people."""
    counts: str
    """What its measures count."""


class Piece(NamedTuple):
    """A value that a composed one is made of; it has a receipt of its own, over the same window and group."""

    kpi: str
    value: float | None
    """In its unit."""
    text: str
    """The same for people."""
    samples: int
    state: State


class Exclusion(NamedTuple):
    """Something that is not in the value, and why."""

    reason: str
    number: int
    of: str
    """``this KPI``, or ``all events``: what the shards counted since they began, whatever the KPI."""
    why: str


class Contributor(NamedTuple):
    """One group of a dimension, and its share of the total."""

    group: str
    value: float | None
    samples: int
    share: float | None
    """Of the numerator; of the observations for durations."""


class Change(NamedTuple):
    """What became of the value since the window before."""

    from_ms: int
    to_ms: int
    value: float | None
    """Of the window before."""
    change: float | None
    effects: Mapping[str, tuple[Effect, ...]]
    """By dimension, what each group added to the change; of sums the whole is the rate effect."""
    unsplit: Mapping[str, str]
    """By dimension, why there are none."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where one value comes from. Times in ms; numbers in the KPI's unit unless said otherwise."""

    kpi: str
    title: str
    window: str
    by: str
    group: str
    from_ms: int
    to_ms: int
    kpi_now_ms: int
    value: float | None
    lower: float | None
    upper: float | None
    """95 % interval, where the KPI has one; of a quantile one bound may be missing."""
    unit: str
    samples: int
    numerator: int | None
    denominator: int | None
    state: State
    reason: str
    """Why the state is not ``ok``; empty if it is."""
    formula: str
    worked: str
    """The formula with the figures in it."""
    figures: tuple[Figure, ...]
    composed: bool
    """Whether it is made of other values, or by a method: then its groups do not add up to it, nor does any entity."""
    parts: tuple[Piece, ...]
    """What it is composed of."""
    choices: str
    version: int
    hash: str
    """Of all that decides the value: formula, method, samples, horizon, target, and the definitions of its measures
    and parts."""
    measures: Mapping[str, str]
    """The hash of each measure that it or a part of it reads."""
    target: float | None
    exclusions: tuple[Exclusion, ...]
    contributors: Mapping[str, tuple[Contributor, ...]]
    """By grouping, the largest first; of the total only."""
    change: Change | None
    unchanged: str
    """Why there is no change, if there is none."""


class Maker:
    """Makes receipts of one read model.

    Args:
        plan: the compiled catalogue.
        model: what the snapshots come from.
        calendar: the business days.
        currency: the reporting currency.
    """

    def __init__(self, plan: Plan, model: ReadModel, calendar: Calendar, currency: str = "USD") -> None:
        self._plan, self._model, self._calendar, self._currency = plan, model, calendar, currency
        self._kpis = plan.catalogue.kpis
        self._sources = Sources(plan, calendar)

    def receipt(self, snapshot: Snapshot, kpi_id: str, window: str, by: str = "", group: str = "") -> Receipt:
        """The receipt of one value of the read model's last snapshot.

        Raises:
            ValueError: there is no such value; one line, with the nearest name.
        """
        value = value_of(snapshot, self._kpis, kpi_id, window, by, group)
        kpi, unit = self._kpis[kpi_id], unit_of(self._kpis[kpi_id], self._currency)
        reader = self._model.reader(value)
        figures = {reading: self._figure(reading, reader) for reading in self._read_by(kpi_id)}
        pieces = self._pieces(value, snapshot)
        of_others = composed(self._plan.catalogue, kpi_id)
        change, unchanged = self._change(value, snapshot)
        return Receipt(
            kpi=kpi_id, title=kpi.title, window=window, by=by, group=group, from_ms=value.from_ms, to_ms=value.to_ms,
            kpi_now_ms=snapshot.kpi_now_ms, value=value.value, lower=value.lower, upper=value.upper, unit=unit,
            samples=value.samples, numerator=value.numerator, denominator=value.denominator, state=value.state,
            reason=self._reason(value, kpi, snapshot, pieces), formula=kpi.formula,
            worked=f"{self._worked(value, figures, pieces)} = {people(value.value, unit)}",
            figures=tuple(figures.values()), composed=of_others, parts=pieces,
            choices=kpi.choices, version=kpi.version, hash=self._hash(kpi_id, kpi),
            measures={name: self._plan.definitions[name] for name in self._measures(kpi_id)}, target=kpi.target,
            exclusions=(*self._left_out(value, snapshot), *dropped(snapshot)),
            contributors={} if by or of_others else self._contributors(snapshot, value, kpi), change=change,
            unchanged=unchanged,
        )  # fmt: skip

    # The formula.

    def _read_by(self, kpi: str) -> list[Reading]:
        """The readings of its formula that are of its own window and group: not those of a method."""
        if self._kpis[kpi].method is not None:
            return []
        return list(dict.fromkeys(readings(self._plan.catalogue.formulas[kpi])))

    def _measures(self, kpi: str) -> list[str]:
        """Those that it or a part of it reads."""
        return sorted(self._sources.measures(kpi) - {"target"})

    def _pieces(self, value: Value, snapshot: Snapshot) -> tuple[Piece, ...]:
        names = list(dict.fromkeys(part.name for part in self._sources.parts(value.kpi)))
        if not names:
            return ()
        place = (value.window, value.by, value.group)
        of = {v.kpi: v for v in snapshot.values if (v.window, v.by, v.group) == place}
        return tuple(
            Piece(name, v.value, people(v.value, unit_of(self._kpis[name], self._currency)), v.samples, v.state)
            if (v := of.get(name)) is not None
            else Piece(name, None, "-", 0, State.NO_DATA)
            for name in names
        )

    def _figure(self, reading: Reading, reader: KpiReader) -> Figure:
        number = reader(reading)
        names = [arg for arg in reading.args if arg != "target"]
        measures = [self._plan.catalogue.measures[name] for name in names]
        facts = [m.base if m.base and reading.function == "base" else kind_of(m)[1] for m in measures]
        about = " ".join(f"{fact}: {FACTS[fact].doc}" for fact in facts)
        return Figure(str(reading), number, self._told(reading, number, facts[0]), about)

    def _told(self, reading: Reading, number: float | None, fact: str) -> str:
        function = reading.function
        if number is None:
            return "-"
        if FUNCTIONS[function].distribution is not None or function in _TIMES:
            return people(number / 1000, "seconds")
        if function == "sum_ms":
            return f"{number / 1e6 / DAY_MS:,.2f} * 1 d" if FACTS[fact].value.endswith(_SCALED) else f"{number:,}"
        if function in ("begun", "begun_all") or (function == "sum" and FACTS[fact].value.endswith("ms")):
            return people(number / 1000, "seconds") if number >= 0 else f"-{people(-number / 1000, 'seconds')}"
        if function in ("sum", "level", "level_all", "level_at_start") and FACTS[fact].value.endswith(_SCALED):
            return f"{number / 1e6:,.2f}"
        return f"{number:,}"

    def _worked(self, value: Value, figures: Mapping[Reading, Figure], pieces: Sequence[Piece]) -> str:
        formula, method = self._plan.catalogue.formulas[value.kpi], self._kpis[value.kpi].method
        if method is not None:
            return f"{method}({', '.join(piece.text for piece in pieces) or formula.text})"
        if isinstance(formula.numerator, Reading) and (q := FUNCTIONS[formula.numerator.function].distribution):
            return f"number {ceil(q * value.samples - 1e-9)} of {value.samples} by length"
        texts: dict[Reading | str, str] = {reading: figure.text for reading, figure in figures.items()}
        texts |= {piece.kpi: piece.text for piece in pieces}
        above = _with_figures(formula.numerator, texts)
        if formula.denominator is None:
            return above
        sides = (formula.numerator, above), (formula.denominator, _with_figures(formula.denominator, texts))
        return " / ".join(f"({text})" if isinstance(node, Binary) else text for node, text in sides)

    def _hash(self, name: str, kpi: Kpi) -> str:
        decides: tuple[object, ...] = (kpi.formula, kpi.samples, kpi.matured, kpi.target, kpi.version)
        measures = [self._plan.definitions[measure] for measure in self._measures(name)]
        if composed(self._plan.catalogue, name):
            decides += (
                kpi.method,
                *(self._hash(part.name, self._kpis[part.name]) for part in self._sources.parts(name)),
            )
        return hashlib.sha256(msgspec.json.encode((decides, measures))).hexdigest()[:12]

    # The state.

    def _reason(self, value: Value, kpi: Kpi, snapshot: Snapshot, pieces: Sequence[Piece]) -> str:  # noqa: PLR0911 - a reason per state
        behind = [piece.kpi for piece in pieces if piece.state is value.state]
        if behind and value.state not in (State.STALE, State.OK):
            return f"so {'are' if len(behind) > 1 else 'is'} {', '.join(behind)}, of which it is composed"
        match value.state:
            case State.STALE:
                return _stale_reason(snapshot)
            case State.IMMATURE:
                return f"no base event of this window is {self._horizon_days(value.kpi)} days old yet"
            case State.LOW_SAMPLE:
                return f"{value.samples} samples, {kpi.min_samples} are needed"
            case State.NO_DATA if value.denominator is not None:
                return "the denominator is empty: nothing to divide by"
            case State.NO_DATA:
                return "nothing of its kind is known in this window"
            case _:
                return ""

    def _horizon_days(self, name: str) -> int:
        kpi = self._kpis[name]
        if kpi.matured is not None:
            return days_of(kpi.matured)
        within = (self._plan.catalogue.measures[measure].within for measure in self._measures(name))
        return max((days_of(span) for span in within if span), default=0)

    # What is not in it.

    def _left_out(self, value: Value, snapshot: Snapshot) -> Iterable[Exclusion]:
        """What the definition leaves out, where the cells know it."""
        for reading in self._read_by(value.kpi):
            if FUNCTIONS[reading.function].kinds[0] == ("distribution",):
                cell = self._model.cell(value, reading.args[0], reading)
                if below := cell.get(BELOW, 0):
                    yield Exclusion("clock_skew", below, "this KPI", "ended before they began")
        horizon_days = self._horizon_days(value.kpi)
        if horizon_days and value.to_ms < snapshot.to_ms:
            later = self._model.period(value.to_ms, snapshot.to_ms, [value.kpi])
            young = sum(v.denominator or 0 for v in later if (v.by, v.group) == (value.by, value.group))
            if young:
                why = f"since {rfc3339(value.to_ms)[:10]}: not yet {horizon_days} days old"
                yield Exclusion("immature", young, "this KPI", why)

    # Who makes it.

    def _contributors(self, snapshot: Snapshot, total: Value, kpi: Kpi) -> dict[str, tuple[Contributor, ...]]:
        found: dict[str, list[Value]] = {by: [] for by in kpi.by}
        for value in snapshot.values:
            if value.by in found and (value.kpi, value.window) == (total.kpi, total.window):
                found[value.by].append(value)
        return {by: _largest(values, total) for by, values in found.items() if any(value.samples for value in values)}

    def _change(self, value: Value, snapshot: Snapshot) -> tuple[Change | None, str]:
        """The change against the window before, or why there is none."""
        kinds = {kind_of(self._plan.catalogue.measures[name])[0] for name in self._measures(value.kpi)}
        if kinds & ENDING_NOW:
            return None, "it knows only windows that end now"
        edges = previous(value.window, Edges(value.from_ms, value.to_ms), self._calendar, self._horizon_days(value.kpi))
        if edges is None:
            return None, "there is no window before it"
        before = self._model.period(*edges, [value.kpi])
        was = next((v for v in before if (v.by, v.group) == (value.by, value.group)), None)
        if was is None or was.value is None or value.value is None:
            return None, "there is no value in " + ("the window before" if value.value is not None else "this window")
        effects: dict[str, tuple[Effect, ...]] = {}
        unsplit: dict[str, str] = {}
        for by in () if value.by else self._kpis[value.kpi].by:
            now = [v for v in snapshot.values if (v.kpi, v.window, v.by) == (value.kpi, value.window, by)]
            split = (
                "it is composed"
                if composed(self._plan.catalogue, value.kpi)
                else _split(value, was, now, [v for v in before if v.by == by], self._kpis[value.kpi])
            )
            if isinstance(split, str):
                unsplit[by] = split
            else:
                effects[by] = tuple(split)
        return Change(*edges, was.value, value.value - was.value, effects, unsplit), ""


def value_of(snapshot: Snapshot, kpis: Mapping[str, Kpi], kpi: str, window: str, by: str, group: str) -> Value:
    """One value of a snapshot.

    Raises:
        ValueError: there is none; the line has the nearest name.
    """
    if kpi not in kpis:
        raise ValueError(f"no KPI {kpi!r}{nearest(kpi, kpis) or '; see stream-kpis kpis'}")
    if window not in kpis[kpi].windows:
        raise ValueError(f"no window {window!r} of {kpi}; there are {', '.join(kpis[kpi].windows)}")
    if by and by not in kpis[kpi].by:
        hint = nearest(by, kpis[kpi].by) or f"; there are {', '.join(kpis[kpi].by) or 'none'}"
        raise ValueError(f"no grouping {by!r} of {kpi}{hint}")
    groups = {v.group: v for v in snapshot.values if (v.kpi, v.window, v.by) == (kpi, window, by)}
    if group not in groups:
        hint = nearest(group, groups) or f"; there are {', '.join(sorted(groups)[:10]) or 'none'}"
        raise ValueError(f"no {by} {group!r} of {kpi}{hint}")
    return groups[group]


def unit_of(kpi: Kpi, currency: str) -> str:
    """A KPI's unit, with the currency by name."""
    return kpi.unit.replace("currency_per_second", "currency/s").replace("currency", currency)


def asked_group(text: str) -> tuple[str, str]:
    """The grouping and group of ``DIM=VALUE``, or ``DIM,DIM=VALUE,VALUE``; empty for the total.

    Raises:
        ValueError: it is neither.

    >>> asked_group("owner=rep-01"), asked_group("pipeline,stage=default,proposal"), asked_group("")
    (('owner', 'rep-01'), ('pipeline,stage', 'default,proposal'), ('', ''))
    """
    by, sign, group = text.partition("=")
    if text and not (by and sign):
        raise ValueError(f"{text!r} is no group: write DIMENSION=VALUE, such as owner=rep-01")
    return by, group


def previous(window: str, edges: Edges, calendar: Calendar, cohort: bool | int = False) -> Edges | None:
    """The window before one, as far back as tiles can tell: the same span, or of a period its beginning.

    Its start lies on the grid of the tiles of its age, so it may be longer than the window by less than that: 15 min
    for 1h and 24h, a business day beyond. Of what stands now it is the level at the start of the business day.

    >>> previous("5m", Edges(600_000, 900_000), Calendar())
    Edges(from_ms=300000, to_ms=600000)
    """
    from_ms, to_ms = edges
    if window == "now":
        return Edges(0, calendar.day_start(to_ms - 1))
    if window == "all" or from_ms <= 0:
        return None
    if window in PERIODS:
        start_ms = calendar.period_start(window, from_ms - 1)
        if window == "today":
            until_ms = -(-(start_ms + to_ms - from_ms) // MID_MS) * MID_MS
        else:
            until_ms = calendar.days_before(start_ms, (from_ms - to_ms) // DAY_MS)  # forward, by whole days
        return Edges(start_ms, min(until_ms, from_ms))
    start_ms = from_ms - (to_ms - from_ms)
    if cohort:
        start_ms = calendar.days_before(from_ms, round((to_ms - from_ms) / DAY_MS))
    elif to_ms - from_ms > 2 * DAY_MS:
        start_ms = calendar.day_start(start_ms)
    elif to_ms - from_ms >= HOUR_MS:
        start_ms -= start_ms % MID_MS
    return Edges(start_ms, from_ms) if start_ms > 0 else None


def dropped(snapshot: Snapshot) -> list[Exclusion]:
    """What of all events the shards did not count, since they began: dead letters by reason, and the rest."""
    totals: Counter[str] = Counter()
    for position in snapshot.shards:
        totals.update(position.counters)
    dead = sorted((name, n) for name, n in totals.items() if name.startswith(DEAD_LETTERS) and n)
    return [
        *(Exclusion(name.removeprefix(DEAD_LETTERS), n, "all events", "dead letters") for name, n in dead),
        *(Exclusion(name, totals[name], "all events", why) for name, why in _COUNTERS.items() if totals[name]),
    ]


def as_json(receipt: Receipt) -> dict[str, Any]:
    """A receipt for programs: times in RFC 3339, groups by dimension."""
    plain: dict[str, Any] = msgspec.to_builtins(receipt)
    plain["from"], plain["to"] = rfc3339(plain.pop("from_ms")), rfc3339(plain.pop("to_ms"))
    plain["kpi_now"] = rfc3339(plain.pop("kpi_now_ms"))
    plain["figures"] = [figure._asdict() for figure in receipt.figures]
    plain["parts"] = [piece._asdict() for piece in receipt.parts]
    plain["exclusions"] = [exclusion._asdict() for exclusion in receipt.exclusions]
    plain["contributors"] = {by: [one._asdict() for one in some] for by, some in receipt.contributors.items()}
    change = receipt.change
    if change is not None:
        plain["change"] = {
            "from": rfc3339(change.from_ms), "to": rfc3339(change.to_ms), "value": change.value,
            "change": change.change, "unsplit": dict(change.unsplit),
            "effects": {by: [effect._asdict() for effect in some] for by, some in change.effects.items()},
        }  # fmt: skip
    return plain


def _with_figures(node: Node, texts: Mapping[Reading | str, str]) -> str:
    """A formula with the texts of its readings, and of its parts by name, in their places."""
    if isinstance(node, int):
        return str(node) if node < DAY_MS or node % DAY_MS else f"{node // DAY_MS}d"
    if isinstance(node, Reading):
        return texts[node]
    if isinstance(node, Part):
        return texts[node.name]
    if isinstance(node, Positive):
        return f"positive({_with_figures(node.of, texts)})"
    left, right = (_with_figures(side, texts) for side in (node.left, node.right))
    if _binds_less(node.left, node.op, on_the_right=False):
        left = f"({left})"
    if _binds_less(node.right, node.op, on_the_right=True):
        right = f"({right})"
    return f"{left} {node.op} {right}"


def _binds_less(side: Node, op: str, *, on_the_right: bool) -> bool:
    """Whether a side must stand in parentheses."""
    if not isinstance(side, Binary) or op == "+":
        return False
    if op == "-":
        return side.op in "+-" and on_the_right
    return side.op in "+-" or on_the_right


def _stale_reason(snapshot: Snapshot) -> str:
    behind = [shard for shard in snapshot.shards if shard.stale_since_ms is not None]
    if not behind:
        return "a worker counts under another definition, zone or currency, or Kafka's ends are not known"
    since_ms = min(shard.stale_since_ms or 0 for shard in behind)
    lag = sum(shard.lag for shard in behind)
    names = ", ".join(str(shard.partition) for shard in behind[:CONTRIBUTORS_MAX])
    more = ", …" if len(behind) > CONTRIBUTORS_MAX else ""
    waiting = f"{lag:,} records behind" if lag else "silent"
    return f"{len(behind)} of {len(snapshot.shards)} shards ({names}{more}) {waiting} since {rfc3339(since_ms)}"


def part_of(value: Value) -> float:
    """What a group adds to its total: the numerator of a ratio, the observations of a distribution, or the value."""
    if value.durations is not None:
        return value.samples
    return (value.value or 0) if value.numerator is None else value.numerator


def _largest(values: Sequence[Value], total: Value) -> tuple[Contributor, ...]:
    whole = part_of(total)
    ordered = sorted((v for v in values if v.samples or part_of(v)), key=lambda v: (-part_of(v), v.group))
    return tuple(Contributor(v.group, v.value, v.samples, part_of(v) / whole if whole > 0 else None) for v in ordered)


def _split(now: Value, was: Value, of_now: list[Value], of_was: list[Value], kpi: Kpi) -> list[Effect] | str:
    """The effects of a dimension's groups, or why the change cannot be split by it."""
    if now.durations is not None:
        return "quantiles do not add up"
    if now.numerator is None:
        return _shifts(now, was, of_now, of_was)
    after, before = _parts_of(of_now), _parts_of(of_was)
    if not (adds_up(after, _parts(now)) and adds_up(before, _parts(was))):
        return _shifts(now, was, of_now, of_was)
    scale = SCALE.get(kpi.unit, 1)
    return [_scaled(effect, scale) for effect in effects_of(before, after) or []]


def _scaled(effect: Effect, scale: float) -> Effect:
    group, before, after, rate, mix = effect
    was, is_ = (None if own is None else own / scale for own in (before, after))
    return Effect(group, was, is_, rate / scale, mix / scale)


def _shifts(now: Value, was: Value, of_now: list[Value], of_was: list[Value]) -> list[Effect] | str:
    """Of what adds up: how far each group moved."""
    after, before = ({v.group: v.value or 0 for v in values} for values in (of_now, of_was))
    sums = ((sum(after.values()), now.value or 0), (sum(before.values()), was.value or 0))
    if not all(isclose(groups, total, rel_tol=1e-9, abs_tol=1e-9) for groups, total in sums):
        return "its groups do not add up to the total"
    groups = sorted(after.keys() | before.keys())
    found = [Effect(g, before.get(g), after.get(g), after.get(g, 0) - before.get(g, 0), 0.0) for g in groups]
    return sorted(found, key=lambda effect: -abs(effect.total))


def _parts(value: Value) -> Parts:
    return value.numerator or 0, value.denominator or 0


def _parts_of(values: list[Value]) -> dict[str, Parts]:
    return {v.group: _parts(v) for v in values if v.numerator or v.denominator}
