"""The oracle: every KPI again, from the raw events, in SQL. Python only loads records and runs the files."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

from stream_kpis.events.envelope import Reader, Record
from stream_kpis.proof.oracle.calendars import ALWAYS, Calendars, open_spans
from stream_kpis.proof.oracle.catalogue import CATALOGUE, KPIS, ONLY_PARTS
from stream_kpis.proof.oracle.composed import PARTS, Spans
from stream_kpis.proof.oracle.fixed import EDGES_S, HORIZON_MS, SLA_MS, STAGES, TARGETS_MS
from stream_kpis.proof.oracle.load import MEMORY_MB, create_records, load_records, opened
from stream_kpis.proof.oracle.needed import needed
from stream_kpis.proof.oracle.rates import WAIT_MS, Rate, Rates
from stream_kpis.proof.oracle.spans import BEGINNING_MS

PARKED_MS = WAIT_MS + 3_600_000
"""How long an event without a rate keeps others from its name."""

_JOURNEYS: Mapping[str, tuple[str, ...]] = {
    "the party, one family": (
        *("journeys/tickets", "journeys/recontact", "journeys/orders", "journeys/purchases"),
        *("journeys/surveys", "journeys/respondents", "journeys/mailing"),
    ),
    "the party, expansion": (
        *("journeys/deals", "journeys/orders", "journeys/customers", "journeys/expansions", "journeys/order_customers"),
    ),
    "the party, attribution": ("journeys/orders", "journeys/emails", "journeys/attribution"),
    "the party, experiments": ("journeys/deals", "journeys/orders", "journeys/experiments"),
    "the entity": (
        *("journeys/deals", "journeys/pipeline", "journeys/orders", "journeys/leads"),  # leads read deals and orders
        "journeys/items",
        *("journeys/tickets", "journeys/business_time", "journeys/resolutions", "journeys/surveys"),
        *("journeys/customers", "journeys/contacts", "journeys/emails", "journeys/costs"),
    ),
}
"""Scopes and what is told in each, in this order: a later one tells the same tables anew."""

_KPIS = (
    *("kpis/sales", "kpis/pipeline", "kpis/orders", "kpis/purchases"),
    *("kpis/service", "kpis/tickets", "kpis/business"),
    *("kpis/customers", "kpis/contacts", "kpis/email"),
    *("kpis/costs", "kpis/value", "kpis/loyalty", "kpis/attribution", "kpis/experiments"),
)
_ONLY_TOLD = ("arrivals", "copies", "accepted", "known")
"""What nobody looks at after the journeys were told."""

_QUANTILES = ("0.5", "0.9", "0.99")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Ask(NamedTuple):
    """One KPI over one window [from_ms, to_ms), the edges as published; of a cohort KPI the edges of its base."""

    kpi: str
    window: str
    from_ms: int
    to_ms: int


class Answer(NamedTuple):
    """One value.

    Attributes:
        kpi: as asked.
        window: as asked.
        by: the dimension it is grouped by; empty for the whole.
        group: the dimension's value; empty for the whole.
        numerator: the exact integer of a count, a sum (micro-units) or a ratio; None for durations.
        denominator: of a ratio; None otherwise. A composed value has neither.
        samples: the number of observations behind the value.
        value: in the KPI's unit: seconds, currency units, ratio, count; None if there is nothing to divide by.
        quantiles: of durations, by name, in seconds.
        buckets: of durations: edge in seconds -> number of durations at or below it.
        total: of durations: their sum in milliseconds; None otherwise.
        lower: the lower end of the 95 % interval; None where the definitions give none.
        upper: its upper end.
    """

    kpi: str
    window: str
    by: str
    group: str
    numerator: int | None
    denominator: int | None
    samples: int
    value: float | None
    quantiles: dict[str, float]
    buckets: dict[float, int]
    total: int | None
    lower: float | None = None
    upper: float | None = None


class Daily(NamedTuple):
    """What counts on one business day in one group: sums over its observations.

    Attributes:
        kpi: as asked.
        by: the dimension; empty for the whole.
        group: the dimension's value; empty for the whole.
        day: the number of the date.
        numerator: of a count, a sum, a level's moves or a ratio.
        denominator: of a ratio, or of what is measured against customers.
        samples: observations.
        total_ms: of durations.
        durations: their number.
    """

    kpi: str
    by: str
    group: str
    day: int
    numerator: int
    denominator: int
    samples: int
    total_ms: int
    durations: int


class Oracle:
    """Recomputes KPIs from raw records.

    Args:
        reader: the event contract's reader, with the deployment's currency.
        zone: the deployment's business zone. Windows come with their edges; those that composed, lagged and monthly
            KPIs derive from them are made of its days.
        targets_ms: the targets that KPIs compare with, as :data:`TARGETS_MS`; one that is not named is as there.
        sla_ms: the time to the first resolution that each priority allows, as :data:`SLA_MS`.
        stages: the stages of each pipeline, as :data:`STAGES`.
        edges_s: the edges of :attr:`Answer.buckets`.
        quotas: what each owner is to sell in a month, in micro-units.
        experiments: of each experiment the share of the exposed that each variant is to get.
        min_samples: how many samples the state ``ok`` takes, by KPI; none that is not named takes any.
        only: the KPIs that will be asked for, if not all: the observations of others are left out.
        calendars: the versions of each business calendar, by name.
        default_calendar: that of tickets which name none of those.
        rates: what other currencies are worth in the reader's, in the order of their records.
        rates_carry_days: how many missing dates between two of the file take the earlier one's rate.
        memory_mb: what DuckDB may hold in memory; what is more lies in a temporary folder.
    """

    def __init__(
        self,
        reader: Reader,
        zone: str = "UTC",
        targets_ms: Mapping[str, int] = TARGETS_MS,
        edges_s: tuple[float, ...] = EDGES_S,
        sla_ms: Mapping[str | None, int] = SLA_MS,
        stages: Mapping[str, Mapping[str, int]] = STAGES,
        *,
        quotas: Mapping[str, int] = _NOTHING,
        experiments: Mapping[str, Mapping[str, float]] = _NOTHING,
        min_samples: Mapping[str, int] = _NOTHING,
        only: Collection[str] = (),
        calendars: Calendars = _NOTHING,
        default_calendar: str = ALWAYS,
        rates: Iterable[Rate] = (),
        rates_carry_days: int = 0,
        memory_mb: int = MEMORY_MB,
    ) -> None:
        self.zone = zone
        self._only = frozenset(only) or frozenset(KPIS)
        self._spans = Spans(zone)
        self._reader = reader
        self._rates = Rates(rates, reader.currency, zone, rates_carry_days)
        self._connection = opened(memory_mb)
        self._facts_at: int | None = None
        create_records(self._connection)
        self._run("tables")
        self._fill("catalogue", CATALOGUE + ONLY_PARTS)
        self._fill("edges", [(edge, edge * 1000) for edge in edges_s])
        self._fill("sla", list(sla_ms.items()))
        self._fill("stages", [(line, *stage) for line, chances in stages.items() for stage in _places(chances)])
        self._fill("quotas", list(quotas.items()))
        self._fill("planned", [(name, *arm) for name, shares in experiments.items() for arm in shares.items()])
        self._fill("thresholds", list(min_samples.items()))
        self._set("horizon_ms", HORIZON_MS)
        self._set("parked_ms", PARKED_MS)
        self._set("beginning_ms", BEGINNING_MS)
        for name, target_ms in {**TARGETS_MS, **targets_ms}.items():
            self._set(f"{name}_target_ms", target_ms)
        self._fill("calendars", [(ALWAYS,), *((name,) for name in calendars)])
        self._fill("open_spans", list(open_spans(calendars)))
        self._connection.execute("SET VARIABLE default_calendar = $name", {"name": default_calendar})

    def load(self, records: Iterable[Record]) -> None:
        """Add raw records of the family topics as Kafka has them: duplicates, conflicts, voids, poison and all."""
        load_records(self._connection, self._reader, self._rates, records)
        self._facts_at = None

    def answer(self, asks: Iterable[Ask], at_ms: int) -> list[Answer]:
        """The values of every ask, for the whole and for every group in which something counts.

        Args:
            asks: KPIs and windows.
            at_ms: the snapshot's ``to``; events at or after it are not known.

        Raises:
            ValueError: a KPI is not one of :data:`KPIS`, or not one of ``only``.
        """
        self._contribute(list(asks), at_ms)
        self._run("answers", "composed")
        rows = self._connection.execute(
            'SELECT answers.* EXCLUDE ask FROM answers JOIN asks USING (ask) WHERE asked ORDER BY ask, "by", "group"'
        ).fetchall()
        return [_answer(row) for row in rows]

    def entities(self, ask: Ask, by: str, group: str, at_ms: int) -> list[tuple[str, str, int]]:
        """Who is behind a value: (party, entity id, contribution to the numerator), parties in order.

        The contribution to a duration KPI is the duration in milliseconds. The entity id is empty where the entity is
        the party itself. Behind a composed value are its parts, and nobody else. Behind what has no value before a
        first cost is who would count without that.
        """
        self._contribute([ask], at_ms)
        rows: list[tuple[str, str, int]] = self._connection.execute(
            """
            SELECT party, entity, sum(coalesce(numerator, duration_ms)) AS contribution
            FROM contributions
            JOIN asks USING (ask)
            WHERE asked AND (($by = '' AND in_whole) OR dims[$by] = $group)
            GROUP BY party, entity
            HAVING contribution <> 0
            ORDER BY party, entity
            """,
            {"by": by, "group": group},
        ).fetchall()
        return rows

    def daily(self, asks: Iterable[Ask], days: Sequence[tuple[int, int]], at_ms: int) -> list[Daily]:
        """The sums of the KPIs that are asked for, per business day and group, in one pass.

        Args:
            asks: each KPI at least once; one that depends on the window's own edges once for each day.
            days: (number, start in ms) of each day in order, without a gap; the first takes in all before it, the last
                all after it.
            at_ms: events at or after it are not known.
        """
        self._contribute(list(asks), at_ms)
        self._fill("days", days)
        self._run("daily")
        return [Daily(*row) for row in self._connection.execute("FROM daily").fetchall()]

    def histories(self, at_ms: int) -> dict[str, int]:
        """When the earliest fact of each KPI was, in ms; one without any is not there."""
        self.daily([], [], at_ms)
        return dict(self._connection.execute("FROM histories").fetchall())

    def closing(self, by: str, at_ms: int) -> list[tuple[str, str, int, int]]:
        """The weighted value of open deals: (group, month of the expected close, micro-units, deals)."""
        self._contribute([], at_ms)
        rows: list[tuple[str, str, int, int]] = self._connection.execute(
            """
            SELECT
                CASE WHEN $by = '' THEN '' ELSE dims[$by] END AS "group",
                dims['close'] AS month,
                sum(numerator)::HUGEINT,
                sum(samples)::BIGINT
            FROM observations
            WHERE kpi = 'pipeline_weighted_value'
            GROUP BY ALL
            ORDER BY ALL
            """,
            {"by": by},
        ).fetchall()
        return rows

    def _contribute(self, asks: list[Ask], at_ms: int) -> None:
        """Have the view ``contributions`` hold what counts in each ask."""
        if unknown := {ask.kpi for ask in asks} - (self._only & set(KPIS)):
            raise ValueError(f"the oracle does not know {', '.join(sorted(unknown))}")
        self._ask(asks)
        if at_ms != self._facts_at:
            self._set("at_ms", at_ms)
            self._run("sets")
            for scope, journeys in _JOURNEYS.items():
                self._connection.execute("SET VARIABLE scope = $scope", {"scope": scope})
                self._run(*journeys)
            self._run("observations")
            for statement in needed([s for name in _KPIS for s in self._statements(name)], self._only):
                self._connection.execute(statement)
            for table in _ONLY_TOLD:
                self._connection.execute(f"DROP TABLE {table}")
            self._facts_at = at_ms
        self._run("windows", "windows_value", "contributions")

    def _ask(self, asks: list[Ask]) -> None:
        """Fill in the asks, those for the parts of composed ones, and the windows that follow from them."""
        of_parts: dict[Ask, int] = {}
        parts = []
        for number, ask in enumerate(asks):
            for part in PARTS.get(ask.kpi, ()):
                edges = self._spans.edges(part, ask.window, (ask.from_ms, ask.to_ms))
                part_number = of_parts.setdefault(Ask(part.kpi, ask.window, *edges), len(asks) + len(of_parts))
                parts.append((number, part.name, part_number))
        every = [*asks, *of_parts]
        self._fill("asks", [(number, *ask, number < len(asks)) for number, ask in enumerate(every)])
        self._fill("parts", parts)
        lagged = [(number, ask) for number, ask in enumerate(every) if ask.kpi == "cac_lagged"]
        self._fill("lagged", [(number, *self._spans.lagged(ask.window, ask[2:4])) for number, ask in lagged])
        monthly = [(number, ask.to_ms) for number, ask in enumerate(asks) if ask.kpi == "cohort_retention_rate"]
        self._fill("retained", [(number, *cohort) for number, to in monthly for cohort in self._spans.cohorts(to)])

    def _run(self, *names: str) -> None:
        for name in names:
            self._connection.execute(_text(name))

    def _statements(self, name: str) -> list[str]:
        return [statement.query for statement in self._connection.extract_statements(_text(name))]

    def _fill(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.execute(f"TRUNCATE {table}")
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            unnests = ", ".join(["unnest(?)"] * len(columns))
            self._connection.execute(f"INSERT INTO {table} SELECT {unnests}", columns)

    def _set(self, name: str, value: int) -> None:
        self._connection.execute(f"SET VARIABLE {name} = {value}::BIGINT")


def _text(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _places(chances: Mapping[str, int]) -> list[tuple[str, int, int]]:
    return [(stage, place, chance) for place, (stage, chance) in enumerate(chances.items(), start=1)]


def _answer(row: tuple[Any, ...]) -> Answer:
    kpi, window, by, group, numerator, denominator, samples, value, quantiles, edges_s, counts, total, low, high = row
    return Answer(
        kpi,
        window,
        by,
        group,
        numerator,
        denominator,
        samples,
        value,
        dict(zip(_QUANTILES, quantiles or (), strict=False)),
        dict(zip(edges_s or (), counts or (), strict=True)),
        total,
        low,
        high,
    )
