"""A small world of events for the oracle's tests: times in seconds since 1970, one party unless said."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stream_kpis.events.envelope import Reader, Record, encode_event
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.proof.oracle import Answer, Ask, Oracle

DAY = 86_400
END = 1000 * DAY
Fraction = tuple[int | None, int | None]


def day(number: float) -> float:
    """@number of the definitions' worked examples, in seconds since 1970."""
    return (500 + number) * DAY


def iso(at: float) -> str:
    """Seconds since 1970 as RFC 3339."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).isoformat()


class World:
    """Collects records, all recorded at one time, and asks an oracle about them, made with what else is given."""

    def __init__(self, recorded: float = END, **oracle: Any) -> None:
        self._recorded_ms = round(recorded * 1000)
        self._made_with = oracle
        self.records: list[Record] = []
        self._oracle: Oracle | None = None

    def add(
        self,
        kind: str,
        at: float,
        /,
        *,
        party: str = "ada",
        event: str | None = None,
        sender: str = "crm",
        topic: str | None = None,
        **data: Any,
    ) -> Record:
        """An event of its own id, unless ``event`` names it; offsets follow the order of the calls."""
        name = event or f"e{len(self.records)}"
        value = encode_event(kind, id=name, source=sender, time=iso(at), subject=party, data=data)
        return self.put(value, party=party, topic=topic or KIND_OF_NAME[kind].topic)

    def void(self, record_or_name: str, at: float = 0, *, party: str = "ada", sender: str = "crm") -> Record:
        """A void of the event of that name."""
        data = {"source": sender, "id": record_or_name}
        value = encode_event(
            "event.voided", id=f"v{len(self.records)}", source="crm", time=iso(at), subject=party, data=data
        )
        return self.put(value, party=party, topic="crm.leads")

    def put(self, value: bytes | None, *, party: str = "ada", topic: str = "crm.leads") -> Record:
        """The bytes as they are."""
        record = Record(topic, 0, len(self.records), self._recorded_ms, party.encode(), value)
        self.records.append(record)
        self._oracle = None
        return record

    @property
    def oracle(self) -> Oracle:
        """An oracle that has read all the records so far."""
        if self._oracle is None:
            self._oracle = Oracle(Reader(), **self._made_with)
            self._oracle.load(self.records)
        return self._oracle

    def answers(
        self, kpi: str, start: float = 0, end: float = END, *, at: float = END, window: str = "w"
    ) -> list[Answer]:
        """All answers for one window [start, end) at the snapshot ``at``."""
        return self.oracle.answer([Ask(kpi, window, round(start * 1000), round(end * 1000))], round(at * 1000))

    def whole(self, kpi: str, start: float = 0, end: float = END, *, at: float = END, window: str = "w") -> Answer:
        """The ungrouped answer."""
        (answer,) = [a for a in self.answers(kpi, start, end, at=at, window=window) if a.by == ""]
        return answer

    def value(self, kpi: str, start: float = 0, end: float = END, *, at: float = END) -> float | None:
        """The ungrouped value."""
        return self.whole(kpi, start, end, at=at).value

    def groups(
        self, kpi: str, by: str, start: float = 0, end: float = END, *, at: float = END, window: str = "w"
    ) -> dict[str, float | None]:
        """The values by one dimension; groups of value 0 are left out."""
        answers = self.answers(kpi, start, end, at=at, window=window)
        return {a.group: a.value for a in answers if a.by == by and a.value != 0}

    def fraction(self, kpi: str, start: float = 0, end: float = END, *, at: float = END) -> Fraction:
        """The ungrouped numerator and denominator."""
        answer = self.whole(kpi, start, end, at=at)
        return answer.numerator, answer.denominator

    def fractions(
        self, kpi: str, by: str, start: float = 0, end: float = END, *, at: float = END
    ) -> dict[str, Fraction]:
        """Numerators and denominators by one dimension."""
        answers = self.answers(kpi, start, end, at=at)
        return {a.group: (a.numerator, a.denominator) for a in answers if a.by == by}

    def entities(self, kpi: str, *, at: float = END) -> list[tuple[str, str, int]]:
        """Who is behind the ungrouped value of now."""
        return self.oracle.entities(Ask(kpi, "now", 0, round(at * 1000)), "", "", round(at * 1000))
