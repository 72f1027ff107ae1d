"""What holds an alert back is said in people's words."""

from typing import Any

import pytest

from stream_kpis.kpis.load import built_in
from stream_kpis.monitoring.alerts import BUILT_IN, Alert, read_alerts
from stream_kpis.monitoring.why import why

KPIS = built_in().kpis
ALERTS = {name: alert for name, (alert, _) in read_alerts([BUILT_IN]).items()}


def row(**more: Any) -> dict[str, Any]:
    return {"value": 0.5, "unit": "ratio", "samples": 400, "state": "ok", "lower": None, "upper": None} | more


SLOW = row(value=150.0, unit="seconds", lower=135.0, upper=170.0)
CASES: dict[str, tuple[str, dict[str, Any] | None, str]] = {
    "no row": ("HighChurn", None, "no value"),
    "no value": ("HighChurn", row(value=None, state="no_data", samples=0), "no value"),
    "few": ("SlaBurnsFast", row(value=0.125, samples=12), "87.50 % missed, but 12 samples of 30 needed"),
    "burnt": ("SlaBurnsFast", row(value=0.125), "87.50 % missed; over 40.00 % calls"),
    "burnt, with an interval": (
        "SlaBurnsFast",
        row(value=0.125, upper=0.25),
        "87.50 % missed, at least 75.00 %; over 40.00 % calls",
    ),
    "a quantile": ("SlowFirstResponse", SLOW, "2 min 30 s, at least 2 min 15 s; over 2 min calls"),
    "a quantile of few": (
        "SlowFirstResponse",
        SLOW | {"samples": 12},
        "2 min 30 s, at least 2 min 15 s, but 12 samples of 30 needed",
    ),
    "stale": ("HighChurn", row(state="stale"), "50.00 %, but stale"),
    "young": ("HighChurn", row(state="immature"), "50.00 %, but immature"),
    "one case": ("CustomersWait", row(value=1, unit="count", samples=1), "1 of them; over 0 calls"),
    "a change": ("ChurnRises", row(), "50.00 %"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_alert_says_why(case: str) -> None:
    name, value, words = CASES[case]
    alert = ALERTS[name]
    assert why(alert, KPIS[alert.kpi], value) == words


def test_a_closed_calendar_holds_back_what_would_call() -> None:
    alert = Alert(kpi="unanswered_over_target", window="now", when="beyond", than=0, calls_during="office")
    value = row(value=3, unit="count", samples=3)
    assert why(alert, KPIS[alert.kpi], value, is_open=False) == "3, but calendar office is closed"
    assert why(alert, KPIS[alert.kpi], value) == "3; over 0 calls"
