"""What segments add to a change: nothing is lost, whatever moved."""

from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.live.receipts.effects import adds_up, effects_of

PARTS = st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(-50, 50), st.integers(0, 50)), max_size=4)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(PARTS, PARTS)
def test_the_effects_add_up_to_the_change(before: dict, after: dict) -> None:
    """Segments that come, go, or have a numerator without a denominator included."""
    (n0, d0), (n1, d1) = ((sum(n for n, _ in p.values()), sum(d for _, d in p.values())) for p in (before, after))
    found = effects_of(before, after)
    if not d0 or not d1:
        assert found is None
        return
    assert found is not None
    assert isclose(sum(effect.total for effect in found), n1 / d1 - n0 / d0, abs_tol=1e-9)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(PARTS, PARTS)
def test_there_and_back_is_nothing(before: dict, after: dict) -> None:
    """The way back has the same effects with the other sign: neither period is the base."""
    there, back = effects_of(before, after), effects_of(after, before)
    if there is not None and back is not None:
        gone = {effect.group: effect for effect in back}
        for effect in there:
            assert isclose(effect.rate, -gone[effect.group].rate, abs_tol=1e-12)
            assert isclose(effect.mix, -gone[effect.group].mix, abs_tol=1e-12)


def test_a_paradox_is_a_mix_effect() -> None:
    """Both segments got better and the whole got worse: their weights moved."""
    before, after = {"easy": (80, 90), "hard": (1, 10)}, {"easy": (19, 20), "hard": (16, 80)}
    found = effects_of(before, after)
    assert found is not None
    assert sum(effect.rate for effect in found) > 0 > sum(effect.total for effect in found)


def test_a_party_in_two_segments_does_not_add_up() -> None:
    assert adds_up({"a": (1, 2), "b": (0, 1)}, (1, 3))
    assert not adds_up({"a": (1, 2), "b": (1, 2)}, (1, 3))
