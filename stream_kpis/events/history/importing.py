"""The loop: rows in, valid CloudEvents out, and every row that gives none counted by its reason."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from stream_kpis.events.envelope import Reader, Reject, encode_event
from stream_kpis.events.history.binding import Bound, Lookup, Row, Scope, bind
from stream_kpis.events.history.document import printable, unknown
from stream_kpis.events.history.paths import Sought
from stream_kpis.events.history.readers import Malformed, Table, open_table, read_lookup
from stream_kpis.events.history.rules import EventRule, FieldRule, FileRule, Mapping, format_of
from stream_kpis.events.history.values import BadValueError, rfc3339


class Imported(NamedTuple):
    """One event of a file: its type, party, time in milliseconds since 1970, topic, CloudEvent as JSON, and origin."""

    kind: str
    party: str
    time_ms: int
    topic: str
    value: bytes
    file: str = ""
    row: int = 0
    """From 1, as in :class:`Tally`."""


class Miss(StrEnum):
    """Why a row, or one event of a row, is not made: a closed list."""

    NO_CONDITION_MET = "no_condition_met"
    UNDATED = "undated"
    NO_PARTY = "no_party"
    EMPTY_FIELD = "empty_field"
    BAD_VALUE = "bad_value"
    MALFORMED_ROW = "malformed_row"


@dataclass
class Tally:
    """How often something was missed, and the first example: file, number of the row from 1, detail."""

    count: int
    file: str
    row: int
    detail: str


@dataclass
class Counts:
    """What became of the rows.

    Args:
        rows: rows read.
        events: events made, by type.
        rows_without_event: rows that gave no event at all, by reason. A row counts once, with the first reason that
            is more than an unmet condition.
        events_missed: events that a row should have given and could not, by type and reason; unmet conditions are
            no misses. Rows without any event are in here too.
    """

    rows: int = 0
    events: Counter[str] = field(default_factory=Counter)
    rows_without_event: dict[Miss, Tally] = field(default_factory=dict)
    events_missed: dict[tuple[str, Miss], Tally] = field(default_factory=dict)

    @property
    def all_rejected(self) -> bool:
        """Whether there were rows, and none gave an event."""
        return bool(self.rows) and not self.events

    def lines(self) -> list[str]:
        """The counts for people, one per line. What is missed by just the rows without event is not said again."""
        made = ", ".join(f"{count} {kind}" for kind, count in sorted(self.events.items())) or "none"
        lines = [f"{self.rows} rows, {self.events.total()} events: {made}"]
        lines += [f"no event, {miss}: {told(tally)}" for miss, tally in sorted(self.rows_without_event.items())]
        lines += [
            f"{kind} missed, {miss}: {told(tally)}"
            for (kind, miss), tally in sorted(self.events_missed.items())
            if not self._said(miss)
        ]
        if self.all_rejected:
            lines.append(f"nothing was read: not one of {self.rows} rows gives an event")
        elif not self.rows:
            lines.append("nothing was read: there are no rows")
        return lines

    def _said(self, miss: Miss) -> bool:
        """Whether the line of the rows without event says all of a reason: one kind missed it, in no other row."""
        missed = [tally.count for (_, reason), tally in self.events_missed.items() if reason is miss]
        without = self.rows_without_event.get(miss)
        return without is not None and missed == [without.count]


class History:
    """The events of files, in the order of their rows; can be iterated again.

    Nothing but the joined files is held in memory.

    Args:
        files: CSV or JSONL files; each must match a pattern of the mapping.
        mapping: how their rows become events.
        reader: the reader by which each event must be valid (it knows the reporting currency).

    Raises:
        MappingError: a file or a column is not there, before any row is read.
    """

    def __init__(self, files: Sequence[Path], mapping: Mapping, reader: Reader | None = None) -> None:
        self.counts = Counts()
        self._reader = reader or Reader()
        self._sought: dict[str, tuple[FileRule, Sought]] = {}
        self._parts = [self._part(file, mapping) for file in files]

    def __iter__(self) -> Iterator[Imported]:
        """The events. :attr:`counts` starts anew and is complete when the iteration is."""
        self.counts = Counts()
        for table, makers in self._parts:
            yield from self._events(table, makers)

    def absent(self) -> list[str]:
        """Of files without a header: the columns that no row of any file of a pattern had, each as one line.

        Complete when the iteration is. A column that is not required is easily misspelt, and nothing else would say so.
        """
        return [
            str(rule.columns()[name].error(unknown(f"row of {rule.pattern} has", name, names)))
            for rule, sought in self._sought.values()
            for name, names in sought.absent().items()
        ]

    def _part(self, file: Path, mapping: Mapping) -> "tuple[Table, list[_Maker]]":
        rule = mapping.rule_of(file)
        table = open_table(file, rule, rule.columns().items(), hint=" (a constant is written {constant: word})")
        lookups = {lookup: _lookup(file, lookup, rule, mapping) for lookup in rule.lookups()}
        scope = Scope(table.columns, rule.reading, mapping.tables, lookups, file.name)
        self._sought.setdefault(rule.pattern, (rule, Sought(rule.columns())))
        return table, [_Maker(event, rule.source, scope) for event in rule.events]

    def _events(self, table: Table, makers: "list[_Maker]") -> Iterator[Imported]:
        counts, (_, sought) = self.counts, self._sought[table.rule.pattern]
        for number, row in enumerate(table.rows(sought), 1):
            counts.rows += 1
            if isinstance(row, Malformed):
                _tally(counts.rows_without_event, Miss.MALFORMED_ROW, table, number, row.detail)
                continue
            made, worst, detail = False, Miss.NO_CONDITION_MET, ""
            for maker in makers:
                event = maker.make(row, self._reader)
                if isinstance(event, Imported):
                    made = True
                    counts.events[event.kind] += 1
                    yield event
                elif event is not None:
                    _tally(counts.events_missed, (maker.kind, event.miss), table, number, event.detail)
                    if worst is Miss.NO_CONDITION_MET:
                        worst, detail = event.miss, f"{maker.kind}: {event.detail}"
            if not made:
                _tally(counts.rows_without_event, worst, table, number, detail)


class _Missed(NamedTuple):
    miss: Miss
    detail: str


class _MissedError(Exception):
    """The event cannot be made of this row."""

    def __init__(self, miss: Miss, detail: str) -> None:
        super().__init__(detail)
        self.miss = miss
        self.detail = detail


class _Maker:
    """Makes one event of each row of one file."""

    def __init__(self, rule: EventRule, source: str, scope: Scope) -> None:
        self.kind = rule.kind.name
        self._topic = rule.kind.topic
        self._source = source
        self._file = scope.file
        self._when = bind(rule.when.expr, scope) if rule.when else None
        self._party = bind(rule.party.expr, scope)
        self._id = bind(rule.id.expr, scope)
        self._time = bind(rule.time.expr, scope)
        self._data = _object(rule.data, scope)

    def make(self, row: Row, reader: Reader) -> Imported | _Missed | None:
        """The event of a row; None if its condition is not met."""
        try:
            return self._made(row, reader)
        except _MissedError as error:
            return _Missed(error.miss, error.detail)
        except BadValueError as error:
            return _Missed(Miss.BAD_VALUE, str(error))
        except ArithmeticError:
            return _Missed(Miss.BAD_VALUE, "a number is out of bounds")
        except UnicodeEncodeError:
            return _Missed(Miss.BAD_VALUE, "a text is not in the file's encoding")

    def _made(self, row: Row, reader: Reader) -> Imported | None:
        if self._when is not None and not self._when(row):
            return None
        time_ms = _needed(self._time(row), Miss.UNDATED, "the time")
        party = _needed(self._party(row), Miss.NO_PARTY, "the party")
        id_ = _needed(self._id(row), Miss.EMPTY_FIELD, "the id")
        data, time = self._data(row), rfc3339(time_ms)
        value = encode_event(self.kind, id=id_, source=self._source, time=time, subject=party, data=data)
        read = reader.read(value, None, time_ms)
        if isinstance(read, Reject):
            raise _MissedError(Miss.BAD_VALUE, f"{read.reason}: {read.detail}")
        return Imported(self.kind, party, read.event.time_ms, self._topic, value, self._file, row[-1])


def _needed(value: Any, miss: Miss, what: str) -> Any:
    if value is None:
        raise _MissedError(miss, f"{what} is empty")
    return value


def _lookup(file: Path, lookup: Lookup, rule: FileRule, mapping: Mapping) -> dict[str, str]:
    """The joined file lies beside the data, or else beside the mapping."""
    beside = file.parent / lookup.file
    path = beside if beside.exists() else mapping.path.parent / lookup.file
    return read_lookup(path, replace(rule, format=format_of(path) or "csv", place=lookup.place), lookup)


def _object(rules: tuple[FieldRule, ...], scope: Scope) -> Callable[[Row], dict[str, Any]]:
    parts = [(rule.field.name, rule.field.required, *_value(rule, scope)) for rule in rules]

    def made(row: Row) -> dict[str, Any]:
        data = {}
        for name, required, value_of, finish in parts:
            try:
                value = value_of(row)
                if value is not None:
                    data[name] = value if finish is None else finish(value)
                elif required:
                    raise _MissedError(Miss.EMPTY_FIELD, f"{name} is empty")
            except BadValueError as error:
                raise BadValueError(f"{name}: {error}") from None
        return data

    return made


def _value(rule: FieldRule, scope: Scope) -> tuple[Bound, Callable[[Any], Any] | None]:
    if rule.formula:
        return bind(rule.formula.expr, scope), rule.field.finish
    elements = [(_object(element, scope), _any_given(element, scope)) for element in rule.elements]
    return lambda row: [make(row) for make, given in elements if given(row)], None


def _any_given(rules: tuple[FieldRule, ...], scope: Scope) -> Callable[[Row], bool]:
    """Whether an element's required fields have any value: a row may fill fewer elements than the mapping has."""
    needed = [bind(rule.formula.expr, scope) for rule in rules if rule.formula and rule.field.required]
    return lambda row: any(value(row) is not None for value in needed)


def _tally(tallies: dict[Any, Tally], key: Any, table: Table, row: int, detail: str) -> None:
    if key in tallies:
        tallies[key].count += 1
    else:
        tallies[key] = Tally(1, table.path.name, row, detail)


def told(tally: Tally) -> str:
    """The count and the first example, for people."""
    detail = f": {tally.detail}" if tally.detail else ""
    return printable(f"{tally.count} (first: {tally.file} row {tally.row}{detail})")
