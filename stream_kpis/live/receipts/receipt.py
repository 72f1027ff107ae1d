"""The receipt of one value: its formula with the figures in it, and all that one must know to believe it. Pure.

Made from a snapshot and the read model behind it. `docs/receipts.md` says how to read one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.load import nearest
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.api import rfc3339
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, State, Value
from stream_kpis.live.model.sources import Sources, composed, measures_of
from stream_kpis.live.receipts.exclusions import Exclusion, Exclusions, dropped
from stream_kpis.live.receipts.figures import Figure, Figures, Piece, unit_of
from stream_kpis.live.receipts.shares import Change, Changes, Contributor, contributors
from stream_kpis.live.terminal.tables import people

CONTRIBUTORS_MAX = 5
"""Groups named of each dimension; the others are one line."""


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
        self._figures = Figures(plan, self._sources, currency)
        self._exclusions = Exclusions(plan, model, self._sources, self._figures)
        self._changes = Changes(plan, model, calendar, self._exclusions, self._sources)

    def receipt(self, snapshot: Snapshot, kpi_id: str, window: str, by: str = "", group: str = "") -> Receipt:
        """The receipt of one value of the model's last snapshot; without a window, over the KPI's only one.

        Raises:
            ValueError: there is no such value; one line, with the nearest name.
        """
        value = value_of(snapshot, self._kpis, kpi_id, window, by, group)
        kpi, unit = self._kpis[kpi_id], unit_of(self._kpis[kpi_id], self._currency)
        figures = self._figures.of(kpi_id, self._model.reader(value))
        pieces = self._figures.pieces(value, snapshot)
        of_others = composed(self._plan.catalogue, kpi_id)
        change, unchanged = self._changes.of(value, snapshot)
        return Receipt(
            kpi=kpi_id, title=kpi.title, window=value.window, by=by, group=group, from_ms=value.from_ms,
            to_ms=value.to_ms,
            kpi_now_ms=snapshot.kpi_now_ms, value=value.value, lower=value.lower, upper=value.upper, unit=unit,
            samples=value.samples, numerator=value.numerator, denominator=value.denominator, state=value.state,
            reason=self._reason(value, kpi, snapshot, pieces), formula=kpi.formula,
            worked=f"{self._figures.worked(value, figures, pieces)} = {people(value.value, unit)}",
            figures=tuple(figures.values()), composed=of_others, parts=pieces,
            choices=kpi.choices, version=kpi.version, hash=self._hash(kpi_id, kpi),
            measures={name: self._plan.definitions[name] for name in measures_of(self._plan.catalogue, kpi_id)},
            target=kpi.target, exclusions=(*self._exclusions.of(value, snapshot), *dropped(snapshot)),
            contributors={} if by or of_others else contributors(snapshot, value, kpi), change=change,
            unchanged=unchanged,
        )  # fmt: skip

    def _hash(self, name: str, kpi: Kpi) -> str:
        decides: tuple[object, ...] = (kpi.formula, kpi.samples, kpi.matured, kpi.target, kpi.version, *kpi.awaits)
        measures = [self._plan.definitions[measure] for measure in measures_of(self._plan.catalogue, name)]
        if composed(self._plan.catalogue, name):
            decides += (
                kpi.method,
                *(self._hash(part.name, self._kpis[part.name]) for part in self._sources.parts(name)),
            )
        return hashlib.sha256(msgspec.json.encode((decides, measures))).hexdigest()[:12]

    def _reason(self, value: Value, kpi: Kpi, snapshot: Snapshot, pieces: Sequence[Piece]) -> str:  # noqa: PLR0911 - a reason per state
        behind = [piece.kpi for piece in pieces if piece.state is value.state]
        if behind and value.state not in (State.STALE, State.OK):
            return f"so {'are' if len(behind) > 1 else 'is'} {', '.join(behind)}, of which it is composed"
        match value.state:
            case State.STALE:
                return _stale_reason(snapshot)
            case State.IMMATURE:
                return f"no base event of this window is {self._exclusions.horizon_days(value.kpi)} days old yet"
            case State.LOW_SAMPLE:
                return f"{value.samples} samples, {kpi.min_samples} are needed"
            case State.NO_DATA if awaiting := self._awaiting(value, kpi):
                return f"nothing is known yet of {' and of '.join(awaiting)}, which is not the same as 0"
            case State.NO_DATA if (value.denominator or 0) > 0 and kpi.interval == "wilson":
                return "it counts what is not in its denominator, so it is no share of it"
            case State.NO_DATA if value.denominator is not None:
                return "the denominator is empty: nothing to divide by"
            case State.NO_DATA:
                return "nothing of its kind is known in this window"
            case _:
                return ""

    def _awaiting(self, value: Value, kpi: Kpi) -> list[str]:
        formula = self._plan.catalogue.formulas[value.kpi]
        return self._model.reader(value).awaiting(formula) if kpi.awaits else []


def value_of(snapshot: Snapshot, kpis: Mapping[str, Kpi], kpi: str, window: str, by: str, group: str) -> Value:
    """One value of a snapshot.

    Raises:
        ValueError: there is none; the line has the nearest name.
    """
    window = check_asked(kpis, kpi, window, by)
    groups = {v.group: v for v in snapshot.values if (v.kpi, v.window, v.by) == (kpi, window, by)}
    if group not in groups:
        hint = nearest(group, groups) or f"; there are {', '.join(sorted(groups)[:10]) or 'none'}"
        raise ValueError(f"no {by} {group!r} of {kpi}{hint}")
    return groups[group]


def check_asked(kpis: Mapping[str, Kpi], kpi: str, window: str, by: str) -> str:
    """The window that is asked for: without one the only one that the KPI has. Refuses what there are no values of.

    Raises:
        ValueError: the line has the nearest name, or the windows.
    """
    if kpi not in kpis:
        raise ValueError(f"no KPI {kpi!r}{nearest(kpi, kpis) or '; see stream-kpis kpis'}")
    there_are = kpis[kpi].windows
    window = window or (there_are[0] if len(there_are) == 1 else "")
    if not window:
        raise ValueError(f"which window of {kpi}? give one of {', '.join(there_are)}")
    if window not in there_are:
        raise ValueError(f"no window {window!r} of {kpi}; there are {', '.join(there_are)}")
    if by and by not in kpis[kpi].by:
        hint = nearest(by, kpis[kpi].by) or f"; there are {', '.join(kpis[kpi].by) or 'none'}"
        raise ValueError(f"no grouping {by!r} of {kpi}{hint}")
    return window


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


def _stale_reason(snapshot: Snapshot) -> str:
    behind = [shard for shard in snapshot.shards if shard.stale_since_ms is not None]
    if not behind and snapshot.held_since_ms is not None:
        of_all = f"{snapshot.shards_changed} of {len(snapshot.shards)} shards"
        since = rfc3339(snapshot.held_since_ms)
        return f"{of_all} count it by another definition since {since}: no event since then is in it"
    if not behind:
        return "a worker counts under another definition, zone or currency, or Kafka's ends are not known"
    since_ms = min(shard.stale_since_ms or 0 for shard in behind)
    lag = sum(shard.lag for shard in behind)
    names = ", ".join(str(shard.partition) for shard in behind[:CONTRIBUTORS_MAX])
    more = ", …" if len(behind) > CONTRIBUTORS_MAX else ""
    waiting = f"{lag:,} records behind" if lag else "silent"
    return f"{len(behind)} of {len(snapshot.shards)} shards ({names}{more}) {waiting} since {rfc3339(since_ms)}"
