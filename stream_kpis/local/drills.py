"""The drills: for each scenario which alert it is about, how long it lasts, and in which deployment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from stream_kpis.local.company import Size
from stream_kpis.monitoring.rules import TIMING, Timing
from stream_kpis.settings import Settings

NIGHT = Path(__file__).with_name("night")
"""Goals and alerts of a company that is not to be woken at night."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NIGHT_H, _DAY_H = 6, 12
SOON = Timing(kpis="15s", keep="15s")
"""For who watches, and has less patience than a pager needs. What is about the pipeline holds as long as ever: where a
machine is busy, a scrape that comes late is no failure."""

_INTERVAL_S = 10
"""Between evaluations, as in ``deploy/prometheus/prometheus.yml``."""


def timing(*, fast: bool) -> Timing:
    """How long conditions hold before their alerts fire."""
    return SOON if fast else TIMING


def interval_s(*, fast: bool) -> int:
    """Between evaluations of rules, and between notifications."""
    return 1 if fast else _INTERVAL_S


def pace(*, fast: bool) -> list[str]:
    """What people are told of both, in lines."""
    if not fast:
        return ["as deploy/prometheus/rules.yml; --fast shortens how long alerts wait"]
    return [
        f"alerts on KPIs fire after {SOON.kpis}, and go on for {SOON.keep} after;",
        f"rules are judged every second, not every {_INTERVAL_S}. The conditions,",
        "windows and numbers of samples are the real ones",
    ]


class Drill(NamedTuple):
    """A scenario with an alert that must call, or with some that must not.

    Attributes:
        calls: the alert whose life it shows; empty if nobody must be paged.
        first: the type of the first event that it is about.
        silent: alerts that must not call, however quietly.
        begins_s: when it begins, seconds from going live; before the history ends, if negative.
        lasts_s: how long, beyond what the alert's condition must hold.
        fades_s: how long after its end the alert's window still shows it.
        size: of the company.
        prepare: writes the files of its deployment into a folder, and names them in the settings.
        own: files of alerts beside the built-in ones.
    """

    calls: str = ""
    first: str = ""
    silent: tuple[str, ...] = ()
    begins_s: int = 0
    lasts_s: int = 30
    fades_s: int = 60
    size: Size = Size(30_000, 120, 20.0)
    prepare: Callable[[Path, Settings], Settings] | None = None
    own: tuple[Path, ...] = ()


def night_around(now: datetime) -> dict[str, Any]:
    """A file of calendars with an office that closed six hours ago and opens in six.

    >>> night_around(datetime(2026, 5, 1, 23, 40, tzinfo=UTC))["calendars"]["office"][0]["week"]["fri"]
    ['05:00-17:00']
    >>> night_around(datetime(2026, 5, 1, 14, 5, tzinfo=UTC))["calendars"]["office"][0]["week"]["fri"]
    ['00:00-08:00', '20:00-24:00']
    """
    opens = (now.astimezone(UTC) + timedelta(hours=_NIGHT_H)).hour
    closes = opens + _DAY_H
    if closes <= 24:
        hours = [f"{opens:02}:00-{closes:02}:00"]
    else:
        hours = [f"00:00-{closes - 24:02}:00", f"{opens:02}:00-24:00"]
    office = {"zone": "UTC", "week": dict.fromkeys(_DAYS, hours)}
    return {"default": "office", "calendars": {"office": [office]}}


def _at_night(folder: Path, settings: Settings) -> Settings:
    calendars = folder / "calendars.yaml"
    calendars.write_text(yaml.safe_dump(night_around(datetime.now(UTC))), "utf-8")
    return msgspec.structs.replace(settings, calendars=calendars, goals=NIGHT / "goals.yaml")


DRILLS: dict[str, Drill] = {
    "slow-responses": Drill(calls="SlowFirstResponse", first="ticket.created", lasts_s=180, fades_s=360),
    "churn-wave": Drill(calls="HighChurn", first="customer.churned", lasts_s=105),
    "quiet-night": Drill(
        silent=("CustomersWait", "StreamKpisNoEvents"),
        begins_s=-3600,
        prepare=_at_night,
        own=(NIGHT / "alerts.yaml",),
    ),
    "small-sample": Drill(silent=("SlaBurnsFast",), begins_s=-6 * 3600, size=Size(600, 120, 0.02)),
}
"""By scenario. Slow responses must last until 1 in 10 has waited two minutes, and are seen for five more; a wave of
churn is told within a minute. The small sample's tickets have missed their deadline of four hours."""
