"""The kinds of measures: one group, whatever the slots; quantiles and histograms read from them."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine import measures as m
from stream_kpis.engine.cells import GROUP_BITS, GROUPS_MAX, SLOT_MASK, Cells, decode_cell, encode_cell
from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.measures import Cell, Parts
from stream_kpis.engine.tiles import DAY_MS, Calendar, Levels
from stream_kpis.kpis.load import built_in
from stream_kpis.kpis.schema import Kind

law = settings(max_examples=60, derandomize=True, deadline=None, database=None)

KINDS: dict[str, Parts] = {
    "flow": m.flow,
    "flow_with_squares": m.flow_with_squares,
    "level": m.level,
    "exposure": m.exposure,
    "recency": m.recency,
    "gap": m.gap(Calendar("America/New_York").day_start),
    "distribution": m.distribution,
    "cohort_base": m.cohort_base,
    "cohort_followed": m.cohort_followed(30 * 86_400_000),
    "open_set": m.open_set,
    "open_set_of_calendar": lambda at_ms, value: m.open_set_of_calendar(at_ms, value % 501),
    "joined": m.joined,
}
KATHMANDU = Calendar("Asia/Kathmandu")
each_kind = pytest.mark.parametrize("kind", KINDS)
FACTS = st.lists(
    st.tuples(
        st.integers(0, 4_000_000_000_000),
        st.one_of(st.just(0), st.integers(-5, 5), st.integers(-(10**18), 10**18), st.integers(0, 10**11)),
    ),
    max_size=12,
)
Sums = dict[int, Cell]
"""Cells by the time that decides their tile."""


def summed(kind: str, facts: Sequence[tuple[int, int]]) -> Sums:
    """The cells of some facts, as if every millisecond were a tile."""
    cells: Sums = {}
    for fact in facts:
        at_ms, pairs = KINDS[kind](*fact)
        m.add(cells.setdefault(at_ms, {}), dict(pairs))
    return {at_ms: cell for at_ms, cell in cells.items() if cell}


def merged(*sums: Sums, sign: int = 1) -> Sums:
    """Sums added up in turn; all but the first with a sign."""
    total: Sums = {at_ms: dict(cell) for at_ms, cell in sums[0].items()}
    for other in sums[1:]:
        for at_ms, cell in other.items():
            m.add(total.setdefault(at_ms, {}), cell, sign)
    return {at_ms: cell for at_ms, cell in total.items() if cell}


def test_all_kinds_are_held_to_the_laws() -> None:
    """A new kind of measure belongs in the table above."""
    assert set(get_args(Kind)) == {
        "cohort" if kind.startswith("cohort") else kind.removesuffix("_of_calendar").removesuffix("_with_squares")
        for kind in KINDS
    }


@each_kind
@law
@given(FACTS, st.randoms(use_true_random=False))
def test_any_split_and_order_of_the_facts_is_the_whole(kind: str, facts: list[tuple[int, int]], dice: object) -> None:
    """Associative and commutative, with the empty cell as identity."""
    whole = summed(kind, facts)
    for at in range(len(facts) + 1):
        one, two = summed(kind, facts[:at]), summed(kind, facts[at:])
        assert whole == merged(one, two)
        assert whole == merged(two, one)
        assert merged(merged(one, two), one) == merged(one, merged(two, one))
    dice.shuffle(facts)  # type: ignore[attr-defined]
    assert whole == summed(kind, facts)
    assert whole == merged(whole, {})
    assert whole == merged({}, whole)


@each_kind
@law
@given(FACTS)
def test_taking_back_leaves_nothing(kind: str, facts: list[tuple[int, int]]) -> None:
    """The inverse of every cell; no cell holds a zero."""
    whole = summed(kind, facts)
    assert merged(whole, whole, sign=-1) == {}
    assert all(n for cell in whole.values() for n in cell.values())
    assert all(slot >= 0 for cell in whole.values() for slot in cell)


@each_kind
@law
@given(FACTS, st.integers(1, 10**20))
def test_a_cell_comes_back_from_its_bytes(kind: str, facts: list[tuple[int, int]], times: int) -> None:
    """Of several groups, with integers beyond 64 bits."""
    names = ["", "münchen", "a,b"]
    packed = {
        group << GROUP_BITS | slot: n * times * (group + 1)
        for group in range(len(names))
        for cell in summed(kind, facts).values()
        for slot, n in cell.items()
    }
    expected = {(names[code >> GROUP_BITS], code & ((1 << GROUP_BITS) - 1)): n for code, n in packed.items()}
    assert expected == {(group, slot): n for group, slot, n in decode_cell(encode_cell(packed, names))}


@each_kind
def test_any_slot_of_any_group_has_room_in_64_bits(kind: str) -> None:
    """Up to the last millisecond of the year 9999."""
    last_ms = 253_402_300_799_999
    slots = [slot for value in (0, 1, 10**13) for slot, _ in KINDS[kind](last_ms, value)[1]]
    assert all(slot < 1 << GROUP_BITS for slot in slots)
    assert GROUPS_MAX << GROUP_BITS | SLOT_MASK < 1 << 64


def test_cells_of_very_many_groups_are_kept_as_bytes() -> None:
    """As those of few are: a shard's memory does not depend on how many groups it has met before."""
    plan = compile_catalogue(built_in())
    cells = Cells(plan, Levels(Calendar(), 1_780_000_000_000))
    key, tile = next(g.key for g in plan.groupings if g.kind == "flow"), 1_700_000_000_000 // 10_000 << 2
    names = ["", *map(str, range(GROUPS_MAX + 1))]
    known = {number << GROUP_BITS: 1 for number in range(1, GROUPS_MAX)}
    cells.restore(key + b"%d" % tile, encode_cell(known, names))
    assert len(cells) == 1
    assert not cells._cells


@law
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20), st.integers(0, 60), st.integers(0, 60))
def test_pairs_of_a_span_are_those_with_both_facts_in_it(hours: list[tuple[int, int]], one: int, other: int) -> None:
    """From any business day to any other, whatever tiles the later facts are in."""
    day_start = KATHMANDU.day_start
    pairs = [(6 * earlier * 3_600_000, 6 * (earlier + more) * 3_600_000) for earlier, more in hours]
    from_ms, to_ms = sorted((day_start(one * DAY_MS), day_start(other * DAY_MS)))
    cell: Cell = {}
    for earlier_ms, at_ms in pairs:
        tile_ms, parts = m.gap(day_start)(at_ms, at_ms - earlier_ms)
        if from_ms <= tile_ms < to_ms:
            m.add(cell, dict(parts))
    expected = sum(from_ms <= earlier_ms and at_ms < to_ms for earlier_ms, at_ms in pairs)
    assert m.pairs_since(cell, from_ms) == expected


VALUES = st.one_of(st.integers(0, 200), st.integers(0, 100_000), st.integers(0, 100 * 365 * 86_400_000))


@law
@given(st.lists(VALUES, min_size=1, max_size=40), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_quantiles_are_within_one_percent_of_nearest_rank(values: list[int], q: float) -> None:
    """Of durations up to a hundred years."""
    cell: Cell = {}
    for value in values:
        m.add(cell, dict(m.distribution(0, value)[1]))
    exact = sorted(values)[ceil(Fraction(str(q)) * len(values)) - 1]
    assert m.quantile_ms(cell, q) == pytest.approx(exact, rel=0.01)


@law
@given(st.lists(VALUES, max_size=20), st.lists(VALUES, min_size=1, max_size=20))
def test_what_waits_joins_the_quantile_with_its_exact_age(values: list[int], ages: list[int]) -> None:
    """As an observation like any other."""
    cell: Cell = {}
    for value in values:
        m.add(cell, dict(m.distribution(0, value)[1]))
    both = sorted(values + ages)
    got = m.quantile_ms(cell, 0.9, [(age, 1) for age in ages])
    assert got == pytest.approx(both[ceil(Fraction("0.9") * len(both)) - 1], rel=0.01)


@law
@given(
    st.lists(VALUES, max_size=60), st.lists(VALUES, max_size=20), st.sampled_from([0.5, 0.9, 0.99]),
    st.sampled_from([1, 7, 250]),
)  # fmt: skip
def test_the_interval_of_a_quantile_is_that_of_order_statistics(
    values: list[int], ages: list[int], q: float, times: int
) -> None:
    """Of what is done and what waits; beyond the shortest and the longest there is no bound."""
    cell: Cell = {}
    for value in values:
        m.add(cell, dict(m.distribution(0, value)[1]))
    observed = m.Ordered({slot: n * times for slot, n in cell.items()}, [(age, times) for age in ages])
    every, share = sorted((values + ages) * times), Fraction(str(q))
    n = len(every)
    assert observed.count == n
    with localcontext(prec=60):
        half = Decimal("1.96") * (n * as_decimal(share * (1 - share))).sqrt()
        low = floor(n * as_decimal(share) - half)
        high = ceil(n * as_decimal(share) + half) + 1
    expected = [every[rank - 1] if 1 <= rank <= n else None for rank in (low, high)]
    for bound, exact in zip(observed.interval(q), expected, strict=True):
        assert bound is None if exact is None else bound == pytest.approx(exact, rel=0.01)


def as_decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


@pytest.mark.parametrize(
    ("n", "q", "low", "high"),
    [
        (2, 0.5, None, None),
        (40, 0.5, 13, 28),
        (2500, 0.5, 1201, 1300),
        (8434, 0.5, 4126, 4309),
        (62_500, 0.9, 56_103, 56_398),
    ],
)
def test_ranks_that_are_whole_numbers_are_exact(n: int, q: float, low: int | None, high: int | None) -> None:
    """Where 1.96 times the root is one, and where it is hardly more: then the bounds lie one further out."""
    observed = m.Ordered({}, [(second * 1000, 1) for second in range(1, n + 1)])
    expected = tuple(None if rank is None else rank * 1000 for rank in (low, high))
    assert observed.interval(q) == expected


def test_nothing_has_no_quantile() -> None:
    """Not zero either."""
    assert m.quantile_ms({}, 0.5) is None
    assert m.quantile_ms({m.BELOW: 3}, 0.5) is None
    assert m.quantile_ms({}, 0.5, [(0, 1)]) == 0.0
    assert m.Ordered({}).interval(0.5) == (None, None)


NEAR_EDGES = st.lists(
    st.one_of(VALUES, st.sampled_from([e * 1000 + d for e in m.EDGES_S for d in (-1, 0, 1)])), max_size=30
)


@law
@given(NEAR_EDGES, NEAR_EDGES)
def test_histograms_count_exactly(values: list[int], ages: list[int]) -> None:
    """At every edge that may be declared, what is done and what waits."""
    cell: Cell = {}
    for value in values:
        m.add(cell, dict(m.distribution(0, value)[1]))
    expected = [sum(value <= edge * 1000 for value in (*values, *ages)) for edge in m.EDGES_S]
    assert expected == m.at_or_below(cell, m.EDGES_S, [(age, 1) for age in ages])


def test_buckets_are_narrower_than_one_percent_either_way() -> None:
    """So that one value may stand for all in it."""
    for below, bound in zip(m.BOUNDS_MS[:-1], m.BOUNDS_MS[1:], strict=True):
        middle = m.middle_ms(m.bucket_of(bound))
        assert m.bucket_of(below) + 1 == m.bucket_of(bound)
        assert bound - middle <= 0.01 * bound
        assert middle - (below + 1) <= 0.01 * (below + 1)


def test_a_duration_below_zero_is_set_apart() -> None:
    """It is no observation."""
    assert m.distribution(5, -1) == (5, ((m.BELOW, 1),))
