"""kpi-now: the wall clock when all is read, else what is reached; never back, and stale when in doubt."""

from stream_kpis.engine.batch import Header
from stream_kpis.live.model.clock import JUMP_MS, SILENT_MS, Clock

WALL_MS = 1_796_000_000_000
ENDS = {("crm.leads", 0): 10, ("crm.orders", 0): 5, ("crm.leads", 1): 7}


def header(made_ms: int = WALL_MS, next_: dict[str, int] | None = None, **reached: int) -> Header:
    """A header; topics without their prefix."""
    at = {f"crm.{topic}": position for topic, position in (next_ or {"leads": 10, "orders": 5}).items()}
    return Header(1, at, {f"crm.{topic}": ms for topic, ms in reached.items()}, made_ms, {"events": 3}, {})


def followed(first: Header, second: Header) -> Clock:
    """A clock of two shards."""
    clock = Clock(2)
    clock.follow(0, first)
    clock.follow(1, second)
    return clock


def test_when_all_is_read_silence_is_real() -> None:
    """Then kpi-now is the wall clock."""
    now = followed(header(), header()).now(WALL_MS, ENDS)
    assert (now.kpi_now_ms, now.stale, [shard.lag for shard in now.shards]) == (WALL_MS, False, [0, 0])


def test_while_a_shard_lags_kpi_now_is_what_it_has_reached_and_all_is_stale() -> None:
    """The smallest record timestamp over the topics that are behind; others do not matter."""
    behind = header(next_={"leads": 4, "orders": 5}, leads=WALL_MS - 9_000, orders=WALL_MS - 60_000)
    now = followed(behind, header()).now(WALL_MS, ENDS)
    assert (now.kpi_now_ms, now.stale) == (WALL_MS - 9_000, True)
    assert [(shard.lag, shard.stale_since_ms) for shard in now.shards] == [(6, WALL_MS), (0, None)]


def test_a_shard_never_seen_lags_by_all_there_is() -> None:
    """No header means that nothing was applied."""
    clock = Clock(2)
    clock.follow(1, header())
    now = clock.now(WALL_MS, ENDS)
    assert (now.stale, now.shards[0].lag) == (True, 15)


def test_a_silent_shard_is_stale_since_its_last_header() -> None:
    """It may be dead, or have nothing to do; one cannot know."""
    clock = followed(header(WALL_MS - SILENT_MS - 1), header())
    now = clock.now(WALL_MS, ENDS)
    assert (now.kpi_now_ms, now.stale, now.shards[0].stale_since_ms) == (WALL_MS, True, WALL_MS - SILENT_MS - 1)
    clock.follow(0, header())
    assert not clock.now(WALL_MS, ENDS).stale


def test_without_ends_nothing_is_trusted() -> None:
    """The topics may reach further than anybody knows."""
    assert followed(header(), header()).now(WALL_MS, None).stale


def test_without_ends_kpi_now_stands_still() -> None:
    """Else windows would slide past what is not known: as if nothing had happened while Kafka was away."""
    clock = followed(header(), header())
    clock.now(WALL_MS, ENDS)
    assert clock.now(WALL_MS + 5_000, None).kpi_now_ms == WALL_MS
    assert clock.now(WALL_MS + 6_000, ENDS).kpi_now_ms == WALL_MS + 6_000
    assert clock.now(WALL_MS - 2 * JUMP_MS, None).kpi_now_ms == WALL_MS - 2 * JUMP_MS


def test_kpi_now_does_not_go_back_while_a_shard_catches_up() -> None:
    """What was shown stays shown."""
    clock = followed(header(), header())
    assert clock.now(WALL_MS, ENDS).kpi_now_ms == WALL_MS
    clock.follow(0, header(next_={"leads": 4, "orders": 5}, leads=WALL_MS - 9_000))
    assert clock.now(WALL_MS + 1_000, ENDS).kpi_now_ms == WALL_MS


def test_a_wall_clock_that_had_run_ahead_is_followed_back() -> None:
    """Else all windows would stand still until it is reached again; for one snapshot all is stale."""
    clock = followed(header(WALL_MS + 2 * JUMP_MS), header(WALL_MS + 2 * JUMP_MS))
    clock.now(WALL_MS + 2 * JUMP_MS, ENDS)
    back = clock.now(WALL_MS, ENDS)
    assert (back.kpi_now_ms, back.stale) == (WALL_MS, True)
    assert not clock.now(WALL_MS + 1, ENDS).stale
