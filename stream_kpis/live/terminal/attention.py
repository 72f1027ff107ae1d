"""What needs someone now: unanswered tickets, stalled deals, uncontacted leads. Complete, the oldest first. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.holdings import Holding
from stream_kpis.journeys.facts import FACTS, Fact
from stream_kpis.live.api import rfc3339
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.terminal.listing import table_of
from stream_kpis.live.terminal.tables import people

COLUMNS = ("what", "party", "entity", "owner", "team", "since", "age_s", "target_s", "over")
NOBODY = "unknown"


class Queue(NamedTuple):
    """One kind of waiting."""

    what: str
    fact: str
    kpi: str
    """Whose target it is; without one, or without the KPI, nothing is over it."""
    due_only: bool = False
    """Whether what is within the target does not wait yet."""


QUEUES = (
    Queue("unanswered ticket", "ticket_unanswered", "unanswered_over_target"),
    Queue("stalled deal", "deal_idle", "deals_stalled", due_only=True),
    Queue("uncontacted lead", "lead_uncontacted", "leads_over_target"),
)
JOURNEYS = frozenset(FACTS[queue.fact].journey for queue in QUEUES)


class Waiting(NamedTuple):
    """One case."""

    what: str
    party: str
    entity: str
    owner: str
    """Who has it: the owner, or the agent."""
    team: str
    since_ms: int
    age_ms: int
    target_ms: int | None

    @property
    def over(self) -> bool:
        """Whether it waits longer than the target."""
        return self.target_ms is not None and self.age_ms > self.target_ms


def waiting(plan: Plan, holdings: Iterable[Holding], now_ms: int, names: Pseudonyms = REAL) -> list[Waiting]:
    """All cases, the oldest first.

    Args:
        plan: the compiled catalogue, with the targets.
        holdings: of all parties, of :data:`JOURNEYS`.
        now_ms: what ages are measured at; what begins later does not wait yet.
        names: how people are called.
    """
    queues = {queue.fact: queue for queue in QUEUES}
    found = []
    for holding in holdings:
        for entity, fact in holding.facts():
            queue = queues.get(fact.name)
            if queue is None or fact.at_ms >= now_ms:
                continue
            case = _case(queue, holding.party, entity, fact, now_ms, _target_ms(plan, queue))
            case = case._replace(owner=names.person(case.owner))
            if case.over or not queue.due_only:
                found.append(case)
    return sorted(found, key=oldest_first)


def oldest_first(case: Waiting) -> tuple[int, str, str]:
    """The order of cases."""
    return case.since_ms, case.party, case.entity


def _case(queue: Queue, party: str, entity: str, fact: Fact, now_ms: int, target_ms: int | None) -> Waiting:
    dims = dict(zip(FACTS[fact.name].dims, fact.dims, strict=True))
    owner = dims.get("owner") or dims.get("agent") or NOBODY
    return Waiting(queue.what, party, entity, owner, dims.get("team") or "", fact.at_ms, now_ms - fact.at_ms, target_ms)


def _target_ms(plan: Plan, queue: Queue) -> int | None:
    kpi = plan.catalogue.kpis.get(queue.kpi)
    return round(kpi.target * 1000) if kpi and kpi.target is not None else None


def rows_of(cases: Iterable[Waiting]) -> list[dict[str, Any]]:
    """Cases for programs; ages in seconds."""
    return [
        {
            "what": case.what, "party": case.party, "entity": case.entity, "owner": case.owner, "team": case.team,
            "since": rfc3339(case.since_ms), "age_s": case.age_ms / 1000,
            "target_s": _seconds(case.target_ms), "over": case.over,
        }
        for case in cases
    ]  # fmt: skip


def _seconds(time_ms: int | None) -> float | None:
    return None if time_ms is None else time_ms / 1000


def none_of(what: str) -> dict[str, Any]:
    """How much of one kind waits, before any is added."""
    return {"what": what, "waiting": 0, "over": None, "oldest_s": 0.0}


def add(total: dict[str, Any], case: Mapping[str, Any]) -> None:
    """Adds a row of :func:`rows_of`; how many are over their target is not known where there is none."""
    total["waiting"] += 1
    if case["target_s"] is not None:
        total["over"] = (total["over"] or 0) + case["over"]
    total["oldest_s"] = max(total["oldest_s"], case["age_s"])


LISTED_MAX = 100
"""Cases of one kind that a page is given."""


class Overview:
    """How much waits, and of each kind the cases that do so longest: bounded, however many there are.

    Args:
        plan: the compiled catalogue.
    """

    def __init__(self, plan: Plan) -> None:
        self._totals = {
            queue.what: {"kpi": queue.kpi, "target_s": _seconds(_target_ms(plan, queue)), **none_of(queue.what)}
            for queue in QUEUES
        }
        self._oldest: dict[str, list[Waiting]] = {queue.what: [] for queue in QUEUES}

    def add(self, cases: Iterable[Waiting]) -> None:
        """Takes some of the cases, in any order."""
        for case in cases:
            self._oldest[case.what].append(case)
            (row,) = rows_of([case])
            add(self._totals[case.what], row)
        self._oldest = {what: sorted(some, key=oldest_first)[:LISTED_MAX] for what, some in self._oldest.items()}

    def as_json(self, now_ms: int) -> dict[str, Any]:
        """``queues`` with what waits in all, and ``waiting``: rows of :func:`rows_of`, the oldest first."""
        oldest = sorted((case for some in self._oldest.values() for case in some), key=oldest_first)
        return {"as_of": rfc3339(now_ms), "queues": list(self._totals.values()), "waiting": rows_of(oldest)}


SUMMARY_COLUMNS = ("by", "what", "waiting", "over", "oldest_s")


def summary(cases: Iterable[Waiting], by: str) -> list[dict[str, Any]]:
    """How much waits for whom, whoever has the most first.

    Args:
        cases: the cases.
        by: ``owner`` or ``team``.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows_of(cases):
        who = row[by] or NOBODY
        add(found.setdefault((who, row["what"]), {"by": who, **none_of(row["what"])}), row)
    totals: dict[str, int] = {}
    for row in found.values():
        totals[row["by"]] = totals.get(row["by"], 0) + row["waiting"]
    return sorted(found.values(), key=lambda row: (-totals[row["by"]], row["by"], row["what"]))


def render(cases: Sequence[Waiting]) -> str:
    """The cases as text of at most 80 columns."""
    over = sum(case.over for case in cases)
    rows = (
        (case.what, case.party, case.entity, case.owner + (f", {case.team}" if case.team else ""),
         people(case.age_ms / 1000, "seconds") + (" !" if case.over else ""))
        for case in cases
    )  # fmt: skip
    head = f"{len(cases):,} need someone, {over:,} of them longer than the target (!)\n"
    return head + table_of(("What", "Party", "Entity", "Has it", "Age"), rows, numbers=("Age",))


def counted(number: int | None) -> str:
    """A number for people; a dash for none that is known."""
    return "-" if number is None else f"{number:,}"


def render_summary(rows: Iterable[Mapping[str, Any]], by: str) -> str:
    """A summary as text."""
    shown = (
        (row["by"], row["what"], f"{row['waiting']:,}", counted(row["over"]), people(row["oldest_s"], "seconds"))
        for row in rows
    )
    return table_of(
        (by.capitalize(), "What", "Waiting", "Over", "Oldest"), shown, numbers=("Waiting", "Over", "Oldest")
    )
