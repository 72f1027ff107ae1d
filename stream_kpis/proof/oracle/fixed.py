"""What the definitions fix: horizons, targets, times allowed, chances of a win, edges of durations."""

from collections.abc import Mapping

HORIZON_MS = 30 * 86_400_000
"""H: how long after its base event something counts for a cohort."""

_HOUR_MS = 3_600_000

TARGETS_MS: Mapping[str, int] = {
    "first_response": 120_000,
    "first_response_business": 120_000,
    "leads_over_target": _HOUR_MS,
}

SLA_MS: Mapping[str | None, int] = {
    "urgent": 4 * _HOUR_MS,
    "high": 8 * _HOUR_MS,
    "normal": 24 * _HOUR_MS,
    "low": 72 * _HOUR_MS,
    None: 24 * _HOUR_MS,
}
"""The time to the first resolution that each priority allows; None stands for any other and for none."""

_CHANCES = {"discovery": 100_000, "proposal": 300_000, "negotiation": 600_000, "contract": 900_000}
STAGES: Mapping[str, Mapping[str, int]] = {"default": _CHANCES, "partner": _CHANCES}
"""For each pipeline its stages in order, with the chance of a win in parts per million."""

EDGES_S: tuple[float, ...] = (
    *(1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 259200, 604800),
    *(1209600, 2592000, 5184000, 7776000, 15552000, 31536000),
)
