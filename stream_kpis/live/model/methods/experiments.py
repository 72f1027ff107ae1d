"""Experiments: one variant against the control, and whether the arms have the sizes that they should have."""

from collections.abc import Iterator, Mapping, Sequence

from stream_kpis.engine.measures import COUNT
from stream_kpis.live.model.intervals import newcombe
from stream_kpis.live.model.methods.asked import Asked
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.model.valuing import worst

CONTROLS = ("control", "holdout")
"""The names by which a control is known, the first one first."""


def lift(asked: Asked) -> Iterator[Value]:
    """By how much a variant converts more often than the control, with Newcombe's interval."""
    for arm, control in _arms(asked):
        if control is None or arm.value is None or control.value is None:
            yield _without(asked, arm, control)
            continue
        bounds = [(v.value or 0.0, v.lower or 0.0, v.upper or 0.0) for v in (arm, control)]
        lower, upper = newcombe(bounds[0], bounds[1])
        found = _made(asked, arm, arm.value - control.value, _smaller(arm, control))
        state = worst((found.state, arm.state, control.state))
        yield found._replace(lower=lower, upper=upper, state=state)


def relative_lift(asked: Asked) -> Iterator[Value]:
    """The same over the control's rate."""
    for arm, control in _arms(asked):
        if control is None or arm.value is None or not control.value:
            yield _without(asked, arm, control)
            continue
        found = _made(asked, arm, (arm.value - control.value) / control.value, _smaller(arm, control))
        yield found._replace(state=worst((found.state, arm.state, control.state)))


def _arms(asked: Asked) -> Iterator[tuple[Value, Value | None]]:
    """Each arm with its control; the control itself, and the total, with none."""
    (rates,) = asked.parts
    experiments: dict[str, list[Value]] = {}
    for rate in rates:
        experiments.setdefault(rate.group.partition(",")[0], []).append(rate)
    for arms in experiments.values():
        control = _control(arms) if asked.by else None
        for arm in arms:
            yield arm, None if arm is control else control


def _control(arms: Sequence[Value]) -> Value | None:
    """The arm that is a control by its name, else the first by name; of those with a unit in the window."""
    there = {arm.group.partition(",")[2]: arm for arm in arms if arm.denominator}
    if not there:
        return None
    return there[next((name for name in CONTROLS if name in there), min(there))]


def _made(asked: Asked, arm: Value, value: float | None, samples: int) -> Value:
    """Of the units of the rates that are compared, so with their edges."""
    return asked.made(arm.group, value, samples)._replace(from_ms=arm.from_ms, to_ms=arm.to_ms)


def _without(asked: Asked, arm: Value, control: Value | None) -> Value:
    """An arm that is compared with nothing, or with a rate that allows no quotient."""
    found = _made(asked, arm, None, 0 if control is None else _smaller(arm, control))
    return found._replace(state=arm.state) if arm.value is None else found


def _smaller(arm: Value, control: Value) -> int:
    return min(arm.denominator or 0, control.denominator or 0)


def sample_ratio(asked: Asked) -> Iterator[Value]:
    """Pearson's chi-square of the arms' sizes against the shares that they should have, by experiment."""
    if not asked.by:
        yield asked.made("", None, 0)
        return
    (read,) = asked.measured.values()
    sizes: dict[str, dict[str, int]] = {}
    for group, cell in read().items():
        experiment, _, variant = group.partition(",")
        if exposed := cell.get(COUNT, 0):
            sizes.setdefault(experiment, {})[variant] = exposed
    for experiment in sorted(sizes):
        found = chi_square(sizes[experiment], asked.goals.experiments.get(experiment))
        yield asked.made(experiment, *found)


def chi_square(sizes: Mapping[str, int], shares: Mapping[str, float] | None = None) -> tuple[float | None, int]:
    """The statistic, None for fewer than two variants, and the number of units.

    Args:
        sizes: units by variant.
        shares: the share of each variant; equal ones of those with units, if None. Other variants are left out.

    >>> chi_square({"a": 60, "b": 40}), chi_square({"a": 60, "b": 40, "c": 7}, {"a": 0.5, "b": 0.5})
    ((4.0, 100), (4.0, 100))
    """
    if shares is None:
        shares = {variant: 1 / len(sizes) for variant in sizes}
    units = sum(sizes.get(variant, 0) for variant in shares)
    if len(shares) < 2 or not units:
        return None, units
    expected = {variant: units * share for variant, share in shares.items()}
    return sum((sizes.get(variant, 0) - n) ** 2 / n for variant, n in expected.items()), units
