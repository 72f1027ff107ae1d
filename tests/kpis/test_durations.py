"""Durations as people and Prometheus write them."""

import pytest

from stream_kpis.kpis.durations import duration_ms


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1h30", "-5m", "5M"])
def test_what_is_no_duration_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}' is no duration: write one such as 90d, 1h30m or 30s$"):
        duration_ms(text)
