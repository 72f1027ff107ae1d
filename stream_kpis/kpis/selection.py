"""Which KPIs of a catalogue are wanted: `hide` and `only`, by name, pattern or department."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from typing import NamedTuple, get_args, get_type_hints

from stream_kpis.kpis.schema import Kpi

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


def only_for(hidden: Iterable[str], reads: Mapping[str, AbstractSet[str]]) -> set[str]:
    """The measures that hidden KPIs read, and no other: nobody needs their cells.

    Args:
        hidden: names of KPIs.
        reads: the measures that each KPI reads, the hidden ones' too.

    >>> sorted(only_for({"a"}, {"a": {"x", "y"}, "b": {"y"}}))
    ['x']
    """
    gone = set(hidden)
    kept = set().union(*(measures for name, measures in reads.items() if name not in gone))
    return set().union(*(reads[name] for name in gone)) - kept
