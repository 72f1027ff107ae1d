"""Periods of business days, answered from the live cells."""

from collections.abc import Mapping, Sequence

from stream_kpis.engine.tiles import Calendar
from stream_kpis.live.api import rfc3339
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, State, Value

PARAMETERS = ("period", "from", "to")


class Periods:
    """Answers what is asked over HTTP of one read model.

    Args:
        model: the read model that the snapshots come from.
        calendar: the business days.
    """

    def __init__(self, model: ReadModel, calendar: Calendar) -> None:
        self._model = model
        self._calendar = calendar

    def ask(self, query: Mapping[str, str]) -> Ask | None:
        """The period of a query: ``period``, or ``from`` and ``to``; None if it has none.

        Raises:
            ValueError: it is no period.
        """
        named = [query["period"]] if "period" in query else []
        if named and ("from" in query or "to" in query):
            raise ValueError("period excludes from and to: give it, or both of them")
        asks = asks_of(self._calendar, periods=named, since=query.get("from"), until=query.get("to"))
        return asks[0] if asks else None

    def values(self, ask: Ask, snapshot: Snapshot) -> Sequence[Value]:
        """All values over a period, as far as it has gone at the snapshot.

        What corrects the period later is in them. What knows only windows that end now (distinct parties, what waits)
        is there only in a period that goes on; else it has the state no_data.

        Raises:
            ValueError: the period lies in the future.
        """
        from_ms, to_ms = ask.from_ms or 0, min(ask.to_ms, snapshot.to_ms)
        if from_ms >= to_ms:
            raise ValueError(f"period {ask.name} begins after kpi-now, {rfc3339(snapshot.kpi_now_ms)}")
        values = self._model.period(from_ms, to_ms)
        stale = {value.kpi for value in snapshot.values if value.state is State.STALE}
        return [value._replace(state=State.STALE) if value.kpi in stale else value for value in values]
