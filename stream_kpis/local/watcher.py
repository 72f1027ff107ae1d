"""What people see of a drill while it runs: the life of an alert, or that nobody is paged and why."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import aiohttp
import yaml

from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.durations import duration_ms
from stream_kpis.local.company import Company, Mark, Say
from stream_kpis.local.drills import DRILLS, Drill
from stream_kpis.local.life import Life, Seen, wrapped
from stream_kpis.local.sender import wall_ms
from stream_kpis.local.stack import Stack
from stream_kpis.monitoring.alerts import BUILT_IN, Alert, Whole, read_alerts
from stream_kpis.monitoring.rules import TIMING, Timing, rules
from stream_kpis.monitoring.why import why
from stream_kpis.plan import compile_plan, goals_of
from stream_kpis.proof.simulate import SCENARIOS, Live
from stream_kpis.settings import Settings

POLL_S = 0.2
_TELL_EVERY_S = 20.0
_PATIENCE_S = 120.0
_CALM_SCRAPES = 4
_CALM_S_MAX = 300.0


class DrillError(RuntimeError):
    """An alert did not do what it should; one line."""


class Judged(NamedTuple):
    """An alert on a KPI that may page, and how it is judged."""

    name: str
    alert: Alert


class Deployment(NamedTuple):
    """What is watched: the rules of a deployment, as text and by the name of their alert, and what they judge."""

    text: str
    by_name: Mapping[str, Mapping[str, Any]]
    judged: tuple[Judged, ...]
    whole: Whole

    def hold(self, alert: str) -> str:
        """How long an alert's condition must hold, as Prometheus writes durations."""
        return str(self.by_name[alert].get("for", "0s"))

    def hold_s(self, alert: str) -> float:
        """The same in seconds."""
        return duration_ms(self.hold(alert)) / 1000

    def keep_s(self, alert: str) -> float:
        """How long it goes on after that."""
        return duration_ms(str(self.by_name[alert].get("keep_firing_for", "0s"))) / 1000


def deployment(settings: Settings, drill: Drill, timing: Timing = TIMING) -> Deployment:
    """The rules of a drill: the built-in ones, as committed under deploy/, and those of its own goals and alerts.

    Raises:
        SettingsError: catalogue, calendars or goals are wrong.
        ValueError: the catalogue has no such alert.
    """
    plan = compile_plan(settings)
    whole = Whole(plan.catalogue.kpis, settings.currency, Calendar(settings.zone), plan.calendars.versions)
    targets = goals_of(settings, plan).targets if drill.prepare else ()
    text = rules(whole, timing, targets=targets, own=drill.own)
    by_name = {rule["alert"]: rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}
    for name in filter(None, (drill.calls, *drill.silent)):
        if name not in by_name:
            raise ValueError(f"the catalogue has no alert {name}, which this scenario is about; choose another one")
    alerts = [Judged(name, alert) for name, (alert, _) in read_alerts([BUILT_IN, *drill.own]).items()]
    alerts += [
        Judged("GoalMissed", Alert(kpi=target.kpi, window=target.window, when="beyond", than=target.target,
                                   severity="page", calls_during=target.calls_during))
        for target in targets if target.calls == "page" and not target.group
    ]  # fmt: skip
    about = (*drill.silent, drill.calls)
    judged = [one for one in alerts if one.name in by_name and (one.alert.severity == "page" or one.name in about)]
    return Deployment(text, by_name, tuple(judged), whole)


class Watcher:
    """What people see of a drill while it runs.

    Args:
        company: what lives.
        stack: Prometheus and Alertmanager beside it.
        deployed: the rules that they have.
        http: to ask the exporter.
        say: takes a line for people.
    """

    def __init__(
        self, company: Company, stack: Stack, deployed: Deployment, http: aiohttp.ClientSession, say: Say
    ) -> None:
        self._company, self._stack, self._deployed, self._http, self._say = company, stack, deployed, http, say
        self._told = 0

    async def calm(self) -> None:
        """Waits until Prometheus knows how things are before anything happens.

        Raises:
            DrillError: it does not come to know.
        """
        self._say("calm first: until Prometheus has scraped some values")
        async for _ in self._watched(_CALM_S_MAX):
            try:
                if await asyncio.to_thread(self._stack.scrapes) >= _CALM_SCRAPES:
                    return
            except OSError:  # busy: the next turn asks again
                continue
        raise DrillError(f"Prometheus got hardly any values within {_CALM_S_MAX:.0f} s: is this machine too busy?")

    async def life(self, scenario: str, live: Live, until: str) -> Life:
        """Plays a scenario, and tells the life of its alert until a stage of it.

        Raises:
            DrillError: it did not come so far in the time that it should need.
        """
        drill, started_ms = DRILLS[scenario], wall_ms()
        alert, hold_s = drill.calls, self._deployed.hold_s(drill.calls)
        lasts_s = drill.lasts_s + hold_s
        live.play(scenario, started_ms, started_ms + int(lasts_s * 1000))
        mark, happens = self._company.mark(drill.first, started_ms), SCENARIOS[scenario].description
        self._say(wrapped(f"the drill of {alert}, {lasts_s:,.0f} s: {happens}", indent=2))
        life: Life | None = None
        tell_at = time.monotonic() + _TELL_EVERY_S
        async for _ in self._watched(lasts_s + drill.fades_s + self._deployed.keep_s(alert) + _PATIENCE_S, alert):
            if mark.place is None:
                continue
            if life is None:
                life = Life(mark.place.time_ms, f"the first {drill.first}", self._deployed.hold(alert))
                self._say(life.first_line)
            seen = await self._seen(alert, mark, known="visible" in life.at_ms)
            for line in life.observe(wall_ms(), seen):
                self._say(line)
            if life.reached(until):
                return life
            if time.monotonic() > tell_at:
                tell_at = time.monotonic() + _TELL_EVERY_S
                self._say(life.line(wall_ms(), "...", f"{seen.state}: {await self._because(alert)}"))
        last = "nothing" if life is None else list(life.at_ms)[-1]
        raise DrillError(f"{alert} was not seen as far as {until}, only {last}; {await self._because(alert)}")

    async def silence(self, scenario: str) -> None:
        """Watches a scenario in which nobody must be paged until it has run out, and tells what held the alerts back.

        Raises:
            DrillError: somebody was paged, or an alert called that should not.
        """
        drill = DRILLS[scenario]
        lasts_s = drill.lasts_s + max(self._deployed.hold_s(judged.name) for judged in self._about(drill))
        happens = SCENARIOS[scenario].description
        self._say(wrapped(f"nobody must be paged for {lasts_s:,.0f} s: {happens}", indent=2))
        async for _ in self._watched(lasts_s):
            for alert in (alert for note in self._stack.received for alert in note["alerts"]):
                name, severity = alert["labels"]["alertname"], alert["labels"]["severity"]
                if alert["status"] == "firing" and (severity == "page" or name in drill.silent):
                    raise DrillError(f"{name} called: {alert['annotations']['summary']}")
        self._say("nobody was paged; the alerts that might have:")
        states = await self._states()
        names = [*dict.fromkeys([judged.name for judged in self._deployed.judged] + list(drill.silent))]
        for name in names:
            line = f"  {name:20} {states.get(name, 'inactive'):9} {await self._because(name)}"
            self._say(wrapped(line.rstrip(), indent=33))

    def _about(self, drill: Drill) -> list[Judged]:
        """The alerts on KPIs that must not call."""
        return [judged for judged in self._deployed.judged if judged.name in drill.silent]

    async def _watched(self, for_s: float, about: str = "") -> AsyncIterator[None]:
        """A turn, and more, five a second, for so long; other alerts' notifications are told as they come."""
        deadline = time.monotonic() + for_s
        while True:
            self._company.tend()
            for note in self._stack.received[self._told :]:
                self._told += 1
                name, severity = note["groupLabels"]["alertname"], note["commonLabels"].get("severity")
                if name != about and severity != "none":
                    self._say(f"{time.strftime('%H:%M:%S')}  beside: {note['status']} {severity} {name}")
            yield
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(POLL_S)

    async def _seen(self, alert: str, mark: Mark, *, known: bool) -> Seen:
        notes = [note for note in self._stack.received if note["groupLabels"]["alertname"] == alert]
        return Seen(
            visible=known or await self._counted(mark),
            state=(await self._states()).get(alert, "inactive"),
            told=tuple(note["status"] for note in notes),
            summary=notes[0]["alerts"][0]["annotations"]["summary"] if notes else "",
        )

    async def _counted(self, mark: Mark) -> bool:
        """Whether the exporter's values count the event that was looked out for."""
        assert mark.place is not None
        found = await self._company.pipeline.ask(self._http, "/api/shards")
        return found is not None and any(
            shard["partition"] == mark.place.partition and shard["next"].get(mark.place.topic, 0) > mark.place.offset
            for shard in found["positions"]
        )

    async def _states(self) -> dict[str, str]:
        """The states of the alerts that are not inactive, by name; of several the louder."""
        try:
            alerts = await asyncio.to_thread(self._stack.alerts)
        except OSError:  # busy: the next turn asks again
            return {}
        return {alert["labels"]["alertname"]: alert["state"] for alert in sorted(alerts, key=_loudness)}

    async def _because(self, name: str) -> str:
        """Why an alert on a KPI calls or does not; nothing of others."""
        for judged in self._deployed.judged:
            if judged.name == name:
                alert = judged.alert
                found = await self._company.pipeline.ask(self._http, f"/api/kpis?kpi={alert.kpi}&window={alert.window}")
                rows = [row for row in found["values"] if not row["by"]] if found else []
                is_open = not alert.calls_during or await self._is_open(alert.calls_during)
                return why(alert, self._deployed.whole.kpis[alert.kpi], rows[0] if rows else None, is_open=is_open)
        return ""

    async def _is_open(self, calendar: str) -> bool:
        found = await asyncio.to_thread(self._stack.query, f'max(stream_kpis_calendar_open{{calendar="{calendar}"}})')
        return any(series["value"][1] == "1" for series in found)


def _loudness(alert: Mapping[str, Any]) -> bool:
    return bool(alert["state"] == "firing")
