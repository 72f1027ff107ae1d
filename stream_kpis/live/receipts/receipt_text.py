"""A receipt as text of at most 80 columns."""

import textwrap
from collections.abc import Iterator, Sequence

from stream_kpis.live.api import rfc3339
from stream_kpis.live.receipts.receipt import CONTRIBUTORS_MAX, Receipt
from stream_kpis.live.receipts.shares import Contributor
from stream_kpis.live.terminal.tables import WIDTH, people

_LABEL = 12
_OF = " Its parts have receipts of their own:"


def render(receipt: Receipt) -> str:
    """The receipt, ending in a line feed."""
    return "\n".join(line.rstrip() for line in _lines(receipt)) + "\n"


def _lines(receipt: Receipt) -> Iterator[str]:
    group = f", {receipt.by} {receipt.group}" if receipt.by else ""
    yield from textwrap.wrap(f"{receipt.title} ({receipt.kpi}), {receipt.window}{group}", WIDTH)
    yield ""
    yield from _field("Value", f"{people(receipt.value, receipt.unit)}, {receipt.samples:,} samples, {_state(receipt)}")
    if (receipt.lower, receipt.upper) != (None, None):
        bounds = " to ".join(people(bound, receipt.unit) for bound in (receipt.lower, receipt.upper))
        yield from _field("Interval", f"{bounds}, with 95 % confidence")
    yield from _field("Worked", receipt.worked)
    yield from _field("Formula", receipt.formula)
    yield from _field("Window", f"{_time(receipt.from_ms)} to {_time(receipt.to_ms)}, the end not included")
    yield from _field("As of", _time(receipt.kpi_now_ms))
    if receipt.target is not None:
        yield from _field("Target", people(receipt.target, receipt.unit))
    if receipt.choices:
        yield from _field("Choices", receipt.choices)
    yield from _field("Definition", f"version {receipt.version}, hash {receipt.hash}")
    yield ""
    for figure in receipt.figures:
        yield from textwrap.wrap(f"{figure.reading} = {figure.text}", WIDTH)
        yield from textwrap.wrap(figure.counts, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if receipt.composed:
        yield from _parts(receipt)
    yield from _exclusions(receipt)
    for by, contributors in receipt.contributors.items():
        yield ""
        yield f"By {by.replace(',', ' and ')}"
        yield from _contributors(contributors, receipt.unit)
    yield ""
    yield from _change(receipt)


def _field(label: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{label:<{_LABEL}}", subsequent_indent=" " * _LABEL)


def _state(receipt: Receipt) -> str:
    state = receipt.state.replace("_", " ")
    return f"{state}: {receipt.reason}" if receipt.reason else state


def _time(time_ms: int) -> str:
    return rfc3339(time_ms)[:19].replace("T", " ") + "Z" if time_ms else "the beginning"


def _row(name: str, *columns: str) -> str:
    """A row whose numbers stand at the right; the name has the rest of the width."""
    numbers = "".join(f" {column:>15}" for column in columns)
    room = WIDTH - 2 - len(numbers)
    return f"  {name if len(name) <= room else name[: room - 1] + '…':<{room}}{numbers}"


def _exclusions(receipt: Receipt) -> Iterator[str]:
    for of in dict.fromkeys(exclusion.of for exclusion in receipt.exclusions):
        yield ""
        yield f"Not counted, of {of}" + (", since the shards began" if of == "all events" else "")
        for exclusion in receipt.exclusions:
            if exclusion.of == of:
                yield _row(f"{exclusion.reason} ({exclusion.why})", f"{exclusion.number:,}")


def _parts(receipt: Receipt) -> Iterator[str]:
    """The values that it is made of, which have receipts over the same window and group."""
    yield from textwrap.wrap("Composed: no groups and no entities add up to it." + _OF * bool(receipt.parts), WIDTH)
    for part in receipt.parts:
        yield _row(part.kpi, part.text, f"{part.samples:,}", part.state.replace("_", " "))


def _contributors(contributors: Sequence[Contributor], unit: str) -> Iterator[str]:
    yield _row("", "value", "samples", "share")
    for one in contributors[:CONTRIBUTORS_MAX]:
        yield _row(one.group, people(one.value, unit), f"{one.samples:,}", _share(one.share))
    rest = contributors[CONTRIBUTORS_MAX:]
    if rest:
        share = sum(one.share or 0 for one in rest)
        yield _row(f"{len(rest)} more", "", f"{sum(one.samples for one in rest):,}", _share(share))


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"


def _signed(value: float, unit: str) -> str:
    """A difference; of ratios in percentage points."""
    sign = "-" if value < 0 else "+"
    if unit == "ratio":
        return f"{sign}{abs(value) * 100:.2f} pp"
    return sign + people(abs(value) if value != int(value) else abs(int(value)), unit)


def _change(receipt: Receipt) -> Iterator[str]:
    change = receipt.change
    if change is None or change.change is None:
        yield from textwrap.wrap(f"No change is shown: {receipt.unchanged}.", WIDTH)
        return
    unit = receipt.unit
    before = f"{_signed(change.change, unit)} since {people(change.value, unit)}"
    yield from _field("Change", f"{before} in {_time(change.from_ms)} to {_time(change.to_ms)}")
    for by, effects in change.effects.items():
        split = any(effect.mix for effect in effects)
        yield ""
        yield f"Change by {by.replace(',', ' and ')}"
        yield _row("", *(("effect", "of its rate", "of its weight") if split else ("effect",)))
        for effect in effects[:CONTRIBUTORS_MAX]:
            parts = (effect.total, effect.rate, effect.mix) if split else (effect.total,)
            yield _row(effect.group, *(_signed(part, unit) for part in parts))
        if rest := effects[CONTRIBUTORS_MAX:]:
            sums = [sum(e.total for e in rest), sum(e.rate for e in rest), sum(e.mix for e in rest)]
            yield _row(f"{len(rest)} more", *(_signed(part, unit) for part in (sums if split else sums[:1])))
    for by, why in change.unsplit.items():
        dimension = f" by {by.replace(',', ' and ')}" if by else ""
        yield from textwrap.wrap(f"Not split{dimension}: {why}.", WIDTH)
