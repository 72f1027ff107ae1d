"""95 % intervals of shares, of differences of shares, and of means, from what they are counted of."""

from math import sqrt

Bounds = tuple[float | None, float | None]
"""Lower and upper; None where there is none."""
_Z = 1.96


def is_share(above: float, below: float) -> bool:
    """Whether it is some of them that count: no more than there are, and no fewer than none."""
    return 0 <= above <= below


def wilson(above: float, below: float) -> Bounds:
    """Wilson's interval of a share; none of what is no share.

    Args:
        above: how many of them count.
        below: how many there are.

    >>> [round(bound, 4) for bound in wilson(1, 4)], wilson(0, 0), wilson(3, 2)
    ([0.0456, 0.6994], (None, None), (None, None))
    """
    if not (below and is_share(above, below)):
        return None, None
    n, p, z = below, above / below, _Z
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def newcombe(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    """Newcombe's interval of a difference of two shares, each given as (p, its Wilson bounds).

    >>> [round(bound, 4) for bound in newcombe((0.15, *wilson(15, 100)), (0.1, *wilson(10, 100)))]
    [-0.0437, 0.1442]
    """
    (p, low, high), (p0, low0, high0) = one, other
    return p - p0 - sqrt((p - low) ** 2 + (high0 - p0) ** 2), p - p0 + sqrt((high - p) ** 2 + (p0 - low0) ** 2)


def balance(promoting: float, detracting: float, below: float) -> Bounds:
    """The interval of a net promoter score, by the spread of answers that are 1, 0 or -1, and within these.

    Args:
        promoting: how many do.
        detracting: how many do.
        below: how many answers there are, more than none.

    >>> [round(bound, 4) for bound in balance(2, 1, 4)]
    [-0.5626, 1.0]
    """
    net = promoting - detracting
    spread = (promoting + detracting) * below - net * net
    half = _Z * sqrt(max(spread, 0) / below**3)
    return max(net / below - half, -1.0), min(net / below + half, 1.0)


def mean(total: int, squares: int, count: int) -> Bounds:
    """The interval of a mean, in integers until the root is taken: what is all alike has no width.

    Args:
        total: the sum of the observations, in micro-units.
        squares: the sum of their squares, each rounded down to whole hundredths of a unit squared.
        count: how many there are; fewer than two tell nothing of their spread.

    >>> [round(bound, 2) for bound in mean(400_000_000, 10**8 + 9 * 10**8, 2)], mean(1_000_000, 10**4, 1)
    ([61.41, 338.59], (None, None))
    """
    if count < 2:
        return None, None
    spread = max(squares * count * 10**8 - total * total, 0)
    half = _Z * sqrt(spread / (count**3 * 10**12))
    value = total / count / 10**6
    return value - half, value + half
