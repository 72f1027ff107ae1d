"""Durations, written as Prometheus writes them."""

import re

_UNITS_MS = {
    "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000
}  # fmt: skip
_PART = re.compile(r"(\d+)(ms|[smhdwy])")


def duration_ms(text: str) -> int:
    """A duration as Prometheus writes it, in ms.

    Raises:
        ValueError: it is none.

    >>> duration_ms("90d"), duration_ms("1h30m"), duration_ms("0s")
    (7776000000, 5400000, 0)
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration: write one such as 90d, 1h30m or 30s")
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)
