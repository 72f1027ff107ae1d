"""The spans of days and of time that operators read, from the definitions' tables of windows."""

from collections.abc import Mapping

from stream_kpis.proof.oracle.days import PERIODS, Days, period, year_before

SPANS: Mapping[str, int] = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
"""Windows of a number of days."""

BEGINNING_MS = -(2**62)
"""Before every fact."""

HORIZON_DAYS: Mapping[str, int] = {
    **dict.fromkeys(("lead_conversion_rate", "lead_qualification_rate", "survey_response_rate", "refund_rate"), 30),
    **dict.fromkeys(("reopen_rate", "first_contact_resolution_rate"), 7),
    **dict.fromkeys(("deal_close_rate_cohort", "stage_conversion_rate"), 90),
    **dict.fromkeys(("email_open_rate", "email_click_rate", "email_ctor", "email_bounce_rate"), 5),
    **dict.fromkeys(("email_unsubscribe_rate", "email_spam_complaint_rate", "email_conversion_rate"), 5),
    "ab_conversion_rate": 30,
}
"""H of each cohort, in days."""

SHORT_MS: Mapping[str, int] = {"5m": 300_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000}
"""Windows of a KPI that are not of days."""

_YEAR_DAYS = 364
_QUARTER_HOUR_MS = 900_000

Edges = tuple[int, int]
"""[from, to) in ms."""


def window_edges(kpi: str, window: str, to_ms: int, days: Days) -> Edges:
    """The edges of a KPI's own window that ends now, as the definitions say; of a cohort those of its base."""
    if window == "now":
        return BEGINNING_MS, to_ms
    if kpi in HORIZON_DAYS:
        last = days.of(to_ms) - HORIZON_DAYS[kpi]
        return (0 if window == "all" else days.start(last - SPANS[window])), days.start(last)
    if window == "all":
        return 0, to_ms
    if window in SHORT_MS:
        start = to_ms - SHORT_MS[window]
        return (start if window in ("5m", "1h") else start // _QUARTER_HOUR_MS * _QUARTER_HOUR_MS), to_ms
    last = days.of(to_ms - 1)
    if window in SPANS:
        last = days.of(to_ms - SPANS[window] * 86_400_000)
    return days.start(period(window, last)[0] if window in PERIODS else last), to_ms


def change_days(window: str, day: int, *, year: bool, level: bool) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The days [a, b) of v1 and of v0; nothing on the first day of a period.

    Args:
        window: of the change.
        day: d, the first day that is not read.
        year: whether it is against the year before.
        level: whether K is a level, which is read at each b.
    """
    if window in SPANS:
        length = SPANS[window]
        back = max(length, _YEAR_DAYS) if year else length
        if level:
            return (day, day), (day - back, day - back)
        return (day - length, day), (day - length - back, day - back)
    start, _ = period(window, day)
    if start == day:
        return None
    first = year_before(start) if year else period(window, start - 1)[0]
    return (start, day), (first, min(first + day - start, period(window, first)[1]))
