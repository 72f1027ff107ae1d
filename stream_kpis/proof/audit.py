"""The audit: while the pipeline runs, what it shows is proved again and again, in some order, at a bounded cost.

KPIs that need the same topics are proved together, each over one window in all its groups; a round proves every KPI
once. So every KPI has been checked once within as many intervals as there are such batches, as long as a batch takes no
longer than an interval and costs no more than its share of one core over it. Where it takes or costs more, the next one
comes later: how long a round takes then is told as soon as it is known.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from stream_kpis.engine.compiler import Plan
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.live.prometheus.exposition import Family, Format, family_lines, labels
from stream_kpis.live.terminal.client import url_of
from stream_kpis.live.web.hosts import guard
from stream_kpis.live.web.listening import listening
from stream_kpis.proof.oracle import KPIS
from stream_kpis.proof.prove import Finding, prove_exposed, topics_of
from stream_kpis.settings import Settings
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.logs import set_up_logging

logger = logging.getLogger(__name__)

CHECKS = Family("stream_kpis_audit_checks", "counter", "KPIs proved over one window, with all groups")
DIFFERENCES = Family("stream_kpis_audit_differences", "gauge", "KPIs whose last check found a difference")
FAILURES = Family("stream_kpis_audit_failures", "counter", "Batches that could not be checked: nobody answered")
OLDEST = Family("stream_kpis_audit_oldest_check_age_seconds", "gauge", "Since every KPI was checked last", "seconds")
_TOLD_ANEW = 1.1
"""How much longer than told a round must take to be told again."""
LAST = Family("stream_kpis_audit_last_difference", "info", "The last difference, with the first entity behind it")
FAMILIES = (CHECKS, DIFFERENCES, FAILURES, OLDEST, LAST)


class Check(NamedTuple):
    """One KPI over one window."""

    kpi: str
    window: str


def batches_of(plan: Plan) -> list[tuple[str, ...]]:
    """The KPIs that the oracle knows, by the topics that they need: proved together, they cost one reading."""
    by_topics: dict[frozenset[str], list[str]] = {}
    for name, kpi in plan.catalogue.kpis.items():
        if name in KPIS:
            value = Value(name, kpi.windows[0], "", "", 0, 0, None, None, None, 0, State.OK)
            by_topics.setdefault(topics_of(plan, [value]), []).append(name)
    return [tuple(names) for names in by_topics.values()]


def a_round(plan: Plan, dice: random.Random) -> list[tuple[Check, ...]]:
    """Every KPI once, over a window of its own: batches in a random order."""
    batches = batches_of(plan)
    dice.shuffle(batches)
    windows = {name: dice.choice(kpi.windows) for name, kpi in plan.catalogue.kpis.items()}
    return [tuple(Check(name, windows[name]) for name in names) for names in batches]


class Pace:
    """Within how long every KPI is checked once: by the batches so far, the work and the pause after it included.

    Args:
        batches: of a round.
        interval_s: from batch to batch, at least.
        share: of one core, at most.

    >>> pace = Pace(batches=3, interval_s=30.0, share=0.2)
    >>> pace.wait_s(took_s=9.0, cpu_s=4.0), pace.round_s, pace.wait_s(took_s=40.0, cpu_s=9.0), pace.round_s
    (21.0, 90.0, 5.0, 112.5)
    """

    def __init__(self, batches: int, interval_s: float, share: float) -> None:
        self._batches, self._interval_s, self._share = batches, interval_s, share
        self._lasted_s: deque[float] = deque(maxlen=batches)

    def wait_s(self, took_s: float, cpu_s: float) -> float:
        """How long to wait after a batch that took so long, and so much of one core."""
        lasts_s = max(self._interval_s, cpu_s / self._share, took_s)
        self._lasted_s.append(lasts_s)
        return lasts_s - took_s

    @property
    def round_s(self) -> float:
        """Of a round, if the batches that are still to come last as long as those of the last round did on average."""
        if not self._lasted_s:
            return self._batches * self._interval_s
        return self._batches * sum(self._lasted_s) / len(self._lasted_s)


class Audit:
    """The checks so far, and what they found.

    Args:
        kpis: those that are checked.
        now_s: a monotonic clock.
    """

    def __init__(self, kpis: Sequence[str], now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._checked_s = dict.fromkeys(kpis, now_s())
        self._different: set[str] = set()
        self.checks = 0
        self.failures = 0
        self.last: Finding | None = None
        """The last finding that was not equal."""

    @property
    def differences(self) -> int:
        """KPIs whose last check found a difference."""
        return len(self._different)

    @property
    def said(self) -> str:
        """What was done and found, in a few words."""
        return f"checks {self.checks:,}, KPIs that differ {self.differences}, batches not checked {self.failures}"

    def note(self, finding: Finding) -> None:
        """Takes what one batch found."""
        self.checks += len(finding.kpis)
        self._checked_s |= dict.fromkeys(finding.kpis, self._now_s())
        self._different -= set(finding.kpis)
        self._different |= set(finding.different)
        if not finding.equal:
            self.last = finding

    def text(self) -> str:
        """The body of /metrics."""
        oldest_s = self._now_s() - min(self._checked_s.values(), default=self._now_s())
        samples: list[tuple[Family, str, float]] = [
            (CHECKS, "", self.checks),
            (DIFFERENCES, "", self.differences),
            (FAILURES, "", self.failures),
            (OLDEST, "", oldest_s),
        ]
        if self.last is not None:
            first, culprit = self.last.first, self.last.culprit
            found = labels({
                "kpi": first.kpi if first else "", "window": first.window if first else "",
                "group": f"{first.by}={first.group}" if first and first.by else "",
                "party": culprit.party if culprit else "", "entity": culprit.entity if culprit else "",
            })  # fmt: skip
            samples.append((LAST, found, 1))
        return "".join(
            line for family, said, number in samples for line in family_lines(family, [(said, number)], Format.TEXT)
        )


def run_audit(
    settings: Settings, *, interval_s: float, share: float, rounds: int | None, seed: int, port: int, url: str | None
) -> int:
    """The command: audits until Ctrl-C, or for some rounds; returns 1 if the last checks found a difference.

    Raises:
        SettingsError: the port is taken.
        RuntimeError: nobody answers in the first batch; later that is only counted.
        ValueError: the first batch cannot be proved, likewise.
    """
    set_up_logging(settings.verbose)
    plan = asyncio.run(plan_in_force(settings))
    url = url or url_of(settings)
    batches = batches_of(plan)
    audit = Audit([name for names in batches for name in names])
    pace = Pace(len(batches), interval_s, share)
    logger.info("audit: %s", scope(plan))
    logger.info(
        "audit: every KPI within %.0f s, if none of %d batches takes more than %g s, or than %g s of one core",
        pace.round_s, len(batches), interval_s, interval_s * share,
    )  # fmt: skip
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_audited(settings, plan, audit, url, port, pace, rounds, random.Random(seed)))  # noqa: S311 - not for secrets
    logger.info("audit: ended: %s", audit.said)
    return int(audit.differences > 0)


def scope(plan: Plan) -> str:
    """What is checked and what is left out, as one line."""
    unknown = [name for name in plan.catalogue.kpis if name not in KPIS]
    left_out = ["what operators make of values", *unknown]
    known = len(plan.catalogue.kpis) - len(unknown)
    return f"{known} KPIs are checked; left out, as no oracle is asked about them: {', '.join(left_out)}"


async def _audited(
    settings: Settings, plan: Plan, audit: Audit, url: str, port: int, pace: Pace, rounds: int | None,
    dice: random.Random,
) -> None:  # fmt: skip
    async with _serving(audit, settings.host, port) as where:
        logger.info("audit: %s", where)
        number, told_s = 0, pace.round_s
        while rounds is None or number < rounds:
            for checks in a_round(plan, dice):
                began, cpu = time.monotonic(), time.process_time()
                await _check(settings, plan, audit, url, checks)
                wait_s = pace.wait_s(time.monotonic() - began, time.process_time() - cpu)
                if pace.round_s > told_s * _TOLD_ANEW:
                    told_s = pace.round_s
                    logger.info("audit: its batches take longer: every KPI within %.0f s", told_s)
                await asyncio.sleep(wait_s)
            number += 1
            logger.info("audit: round %d: %s", number, audit.said)


async def _check(settings: Settings, plan: Plan, audit: Audit, url: str, checks: Sequence[Check]) -> None:
    """Proves one batch of what the exporter shows now."""
    try:
        finding = await prove_exposed(settings, plan, url, checks)
    except (RuntimeError, ValueError) as error:
        if not audit.checks and not audit.failures:
            raise
        audit.failures += 1
        logger.warning("audit: not checked: %s", error)
        return
    audit.note(finding)
    if not finding.equal:
        logger.error("audit: %s", finding.text)


@contextlib.asynccontextmanager
async def _serving(audit: Audit, host: str, port: int) -> AsyncIterator[str]:
    """Serves /metrics while the block runs; gives its address."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=audit.text().encode(), headers={"Content-Type": Format.TEXT.value})

    app = web.Application(middlewares=[guard(host, ())])
    app.router.add_get("/metrics", metrics)
    async with listening(app, host, port) as address:
        yield f"{address}/metrics"
