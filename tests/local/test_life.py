"""The life of an alert is told once, in order, with times, and fits a terminal."""

import re

import pytest

from stream_kpis.local.life import STAGES, WIDTH, Life, Seen

BEGAN = 1_790_000_000_000
CALM = Seen(visible=False, state="inactive")
SUMMARY = "First responses are slow: 1 in 10 customers waits longer than 5m 0s"
FIRING = Seen(visible=True, state="firing", told=("firing",), summary=SUMMARY)


def life() -> Life:
    return Life(BEGAN, "the first ticket.created", "15s")


def told(life: Life, *seen: tuple[float, Seen]) -> list[tuple[str, str]]:
    """The stages that were told, each with the seconds since the event."""
    lines = [life.first_line] + [line for s, one in seen for line in life.observe(BEGAN + round(s * 1000), one)]
    return [(found[2], found[1]) for line in lines if (found := re.match(r"\d\d:\d\d:\d\d +([\d,.]+) s  (\S+)", line))]


def test_a_life_is_told_from_the_event_to_the_end_with_the_time_since() -> None:
    shown = Seen(visible=True, state="inactive")
    assert told(
        life(),
        (0.2, CALM),
        (0.6, shown),
        (160.0, shown._replace(state="pending")),
        (175.0, shown._replace(state="firing")),
        (176.2, FIRING),
        (1499.0, FIRING._replace(state="inactive")),
        (1500.0, FIRING._replace(state="inactive", told=("firing", "resolved"))),
    ) == [
        ("event", "0.0"),
        ("visible", "0.6"),
        ("pending", "160.0"),
        ("firing", "175.0"),
        ("webhook", "176.2"),
        ("resolved", "1,500.0"),
    ]


def test_nothing_is_told_twice() -> None:
    assert told(life(), (1, FIRING), (2, FIRING), (3, FIRING._replace(state="inactive")), (4, FIRING)) == [
        ("event", "0.0"),
        ("visible", "1.0"),
        ("firing", "1.0"),
        ("webhook", "1.0"),
    ]


def test_a_condition_that_does_not_last_is_told_and_may_come_again() -> None:
    pending = CALM._replace(state="pending")
    stages = [stage for stage, _ in told(life(), (1, pending), (2, CALM), (3, pending), (4, pending))]
    assert stages == ["event", "pending", "inactive", "pending"]


def test_a_notification_proves_that_it_fired_even_between_two_looks() -> None:
    over = Seen(visible=True, state="inactive", told=("firing", "resolved"), summary=SUMMARY)
    assert [stage for stage, _ in told(life(), (9, over))] == list(STAGES)


@pytest.mark.parametrize(
    ("seen", "reached"),
    [
        (CALM, "event"),
        (CALM._replace(visible=True), "visible"),
        (CALM._replace(visible=True, state="firing"), "firing"),
        (FIRING, "webhook"),
        (FIRING._replace(told=("firing", "resolved")), "resolved"),
        (FIRING._replace(told=("firing", "resolved", "firing")), "webhook"),
        (FIRING._replace(visible=False), "event"),
    ],
)
def test_it_is_seen_as_far_as_all_stages_before(seen: Seen, reached: str) -> None:
    one = life()
    one.observe(BEGAN + 1, seen)
    assert [stage for stage in STAGES if one.reached(stage)] == list(STAGES[: STAGES.index(reached) + 1])


def test_lines_fit_a_terminal_and_keep_all_words() -> None:
    lines = life().observe(BEGAN + 3_600_000, FIRING)
    assert all(len(part) <= WIDTH for line in lines for part in line.splitlines())
    assert SUMMARY in " ".join(" ".join(lines).split())
