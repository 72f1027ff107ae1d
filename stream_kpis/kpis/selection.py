"""Which KPIs of a catalogue are wanted: `hide` and `only`, by name, pattern or department."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple, get_args, get_type_hints

from stream_kpis.kpis.formula import Formula, readings
from stream_kpis.kpis.schema import Kpi, Measure

DEPARTMENTS: tuple[str, ...] = get_args(get_type_hints(Kpi)["department"])


class Word(NamedTuple):
    """One word of a `hide` or `only`: a KPI, a pattern with ``*`` and ``?``, or a department."""

    text: str
    place: str
    """``FILE:LINE``, for errors."""

    def fits(self, name: str, kpi: Kpi) -> bool:
        """Whether it means a KPI.

        >>> kpi = Kpi(title="", formula="", unit="count", windows=("all",), department="service")
        >>> [Word(text, "").fits("reopen_rate", kpi) for text in ("service", "reopen_*", "re?pen_rate", "sales")]
        [True, True, True, False]
        """
        return self.text == kpi.department if self.text in DEPARTMENTS else fnmatchcase(name, self.text)


class Selection(NamedTuple):
    """What is hidden; and what alone is wanted, unless that is empty."""

    hide: tuple[Word, ...]
    only: tuple[Word, ...]

    def idle(self, kpis: Mapping[str, Kpi]) -> Word | None:
        """A word that means no KPI: a mistake."""
        words = (*self.hide, *self.only)
        return next((word for word in words if not any(word.fits(name, kpi) for name, kpi in kpis.items())), None)

    def why(self, name: str, kpi: Kpi) -> Word | None:
        """The word that hides a KPI, if one does."""
        return next((word for word in self.hide if word.fits(name, kpi)), None)

    def hidden(self, kpis: Mapping[str, Kpi]) -> frozenset[str]:
        """The KPIs that are not wanted; `hide` wins over `only`."""
        return frozenset(
            name
            for name, kpi in kpis.items()
            if any(word.fits(name, kpi) for word in self.hide)
            or (self.only and not any(word.fits(name, kpi) for word in self.only))
        )


def only_for(
    hidden: Iterable[str], formulas: Mapping[str, tuple[Formula, ...]], measures: Mapping[str, Measure]
) -> set[str]:
    """The measures that hidden KPIs read, and no other: nobody needs their cells.

    Args:
        hidden: names of KPIs.
        formulas: all formulas of each KPI, the hidden ones' too.
        measures: by name.
    """
    gone = set(hidden)
    read = {
        name: {arg for formula in some for reading in readings(formula) for arg in reading.args}
        for name, some in formulas.items()
    }
    kept = set().union(*(args for name, args in read.items() if name not in gone))
    return (set().union(*(read[name] for name in gone)) - kept) & measures.keys()
