"""Whether a KPI fits its measures, the KPIs that it is composed of, and its operators."""

from collections.abc import Iterable, Iterator

from stream_kpis.engine import measures as m
from stream_kpis.engine.reading import (
    ENDING_NOW,
    FLOWING,
    FUNCTIONS,
    PAST,
    STANDING,
    balance_of,
    mean_of,
    reading_problem,
)
from stream_kpis.engine.units import samples_problem, uncounted, unit_problem
from stream_kpis.kpis.formula import OVERS, PARTS, Binary, Formula, Node, Reading, parts, readings
from stream_kpis.kpis.load import Catalogue, CatalogueError, kind_of, nearest
from stream_kpis.kpis.schema import (
    COHORT_WINDOWS,
    DAILY_WINDOWS,
    OPEN_WEIGHTED,
    READ_BY,
    WEIGHTED_DEALS,
    WHOLE_DAYS,
    Kpi,
)


def check_kpi(name: str, catalogue: Catalogue) -> None:
    """Checks one KPI of a catalogue whose measures are right.

    Raises:
        CatalogueError: it names what does not exist or does not fit.
    """
    entry, kpi = f"kpis.{name}", catalogue.kpis[name]
    kinds = set()
    for field, formula in _formulas(name, catalogue):
        place = catalogue.place(entry, field)
        for reading in readings(formula):
            kinds |= _check_reading(reading, place, kpi, catalogue)
            if "target" in reading.args and kpi.target is None:
                raise CatalogueError(f"{catalogue.place(entry)}: {reading} needs a target")
        for part in parts(formula):
            _check_part(part.name, name, place, catalogue)
    if kpi.matured is not None and (odd := kinds - FLOWING):
        raise CatalogueError(f"{catalogue.place(entry, 'matured')}: what is matured reads flows, not {min(odd)}")
    _check_awaited(name, catalogue)
    _check_windows(name, kinds, catalogue)
    _check_edges(name, catalogue)
    _check_interval(name, catalogue)
    if kpi.aim is not None and (problem := kpi.beyond(kpi.aim)):
        raise CatalogueError(f"{catalogue.place(entry, 'target')}: the value {problem}")
    for operator in kpi.operators:
        _check_operator(operator, name, catalogue)
    if kpi.method is None:
        if problem := unit_problem(catalogue.formulas[name], kpi.unit, catalogue):
            raise CatalogueError(f"{catalogue.place(entry, 'unit')}: {problem}")
        if name not in catalogue.samples and (what := samples_problem(catalogue.formulas[name], catalogue)):
            raise CatalogueError(f"{catalogue.place(entry)}: its samples would be {what}: add samples")


def check_past(name: str, catalogue: Catalogue) -> None:
    """Checks how a recency reads over past days.

    Raises:
        CatalogueError: it names what does not exist or does not fit.
    """
    measure, place = catalogue.measures[name], catalogue.place(f"measures.{name}", "past")
    for reading in readings(catalogue.pasts[name]):
        odd = _check_arguments(reading, place, measure.by, catalogue) - PAST
        if odd or reading.over.how:
            what = str(reading) if reading.over.how else f"{min(odd)} in {reading}"
            raise CatalogueError(f"{place}: past is made of flows and gaps over the days asked for, not of {what}")


def _formulas(name: str, catalogue: Catalogue) -> Iterator[tuple[str, Formula]]:
    yield "formula", catalogue.formulas[name]
    if name in catalogue.samples:
        yield "samples", catalogue.samples[name]


def _check_awaited(name: str, catalogue: Catalogue) -> None:
    """What is awaited is read, and stays counted for ever."""
    place = catalogue.place(f"kpis.{name}", "awaits")
    read = {arg for reading in readings(catalogue.formulas[name]) for arg in reading.args} - {"target"}
    kpi = catalogue.kpis[name]
    if kpi.awaits and kpi.method is not None:
        raise CatalogueError(f"{place}: what {kpi.method} makes awaits nothing")
    for measure in kpi.awaits:
        if measure not in read:
            raise CatalogueError(f"{place}: the formula does not read {measure!r}{nearest(measure, read)}")
        if (kind := kind_of(catalogue.measures[measure])[0]) not in FLOWING:
            raise CatalogueError(f"{place}: a first of a flow or a distribution can be awaited, not of a {kind}")


def _check_windows(name: str, kinds: set[str], catalogue: Catalogue) -> None:
    kpi, place = catalogue.kpis[name], catalogue.place(f"kpis.{name}", "windows")
    for window in kpi.windows if "gap" in kinds else ():
        if window not in WHOLE_DAYS:
            known = ", ".join(WHOLE_DAYS)
            raise CatalogueError(f"{place}: a gap is known for windows of whole days, {known}, not {window}")
    for window in kpi.windows if "cohort" in kinds or kpi.matured is not None else ():
        if window not in COHORT_WINDOWS:
            raise CatalogueError(f"{place}: a cohort has windows {', '.join(COHORT_WINDOWS)}, not {window}")
    overs = [reading for _, formula in _formulas(name, catalogue) for reading in readings(formula) if reading.over.how]
    for window in kpi.windows if overs else ():
        if window not in DAILY_WINDOWS:
            raise CatalogueError(f"{place}: {overs[0]} is known for {', '.join(DAILY_WINDOWS)}, not {window}")


def _check_edges(name: str, catalogue: Catalogue) -> None:
    kpi, place = catalogue.kpis[name], catalogue.place(f"kpis.{name}", "edges")
    for edge in kpi.edges:
        if edge not in m.EDGES_S:
            near = min(m.EDGES_S, key=lambda known: abs(known - edge))
            raise CatalogueError(f"{place}: no bucket ends at {edge:g} s, the nearest at {near}")
    if list(kpi.edges) != sorted(set(kpi.edges)):
        raise CatalogueError(f"{place}: edges go up")


def _check_interval(name: str, catalogue: Catalogue) -> None:
    """The formula has what its interval is reckoned from."""
    kpi, formula, place = catalogue.kpis[name], catalogue.formulas[name], catalogue.place(f"kpis.{name}", "interval")
    shares = formula.denominator is not None or kpi.method == "cohort_grid"
    if kpi.interval == "wilson" and not (shares and kpi.unit == "ratio"):
        raise CatalogueError(f"{place}: wilson is the interval of a share, a quotient that is a ratio")
    if kpi.interval == "nps" and (balance_of(formula) is None or kpi.unit != "ratio"):
        raise CatalogueError(f"{place}: nps is the interval of a difference over a count: (a - b) / n, that is a ratio")
    if kpi.interval in ("wilson", "nps"):
        for node in (formula.numerator, formula.denominator):
            if node is not None and (odd := uncounted(node, catalogue)):
                raise CatalogueError(
                    f"{place}: {kpi.interval} is the interval of numbers of things, which {odd} is not"
                )
    if kpi.interval == "mean":
        total = mean_of(formula)
        if total is None:
            raise CatalogueError(f"{place}: mean is the interval of sum(x) / count(x)")
        if not catalogue.measures[total.args[0]].squares:
            raise CatalogueError(f"{place}: mean needs the measure {total.args[0]} with squares: true")


def _check_reading(reading: Reading, place: str, kpi: Kpi, catalogue: Catalogue) -> set[str]:
    """The kinds that a reading of a KPI reads."""
    read_by = READ_BY[kpi.method] if kpi.method else None
    kinds = _check_arguments(reading, place, kpi.by if read_by is None else (read_by,) if read_by else (), catalogue)
    if reading.over.how and (odd := kinds & {*ENDING_NOW, "cohort"}):
        raise CatalogueError(f"{place}: {reading} reads no other window: {min(odd)} has none")
    return kinds


def _check_arguments(reading: Reading, place: str, groupings: Iterable[str], catalogue: Catalogue) -> set[str]:
    """The kinds that a reading reads by some groupings."""
    if reading.function not in FUNCTIONS:
        words = (*FUNCTIONS, *PARTS, *OVERS, "positive")
        raise CatalogueError(f"{place}: unknown reading {reading.function!r}{nearest(reading.function, words)}")
    kinds, clocks = [], {}
    for name in (arg for arg in reading.args if arg != "target"):
        measure = catalogue.measures.get(name)
        if measure is None:
            raise CatalogueError(f"{place}: unknown measure {name!r}{nearest(name, catalogue.measures)}")
        for by in () if FUNCTIONS[reading.function].of_all else groupings:
            if by not in measure.by:
                hint = nearest(by, measure.by)
                raise CatalogueError(f"{place}: measure {name} is not grouped by {by!r}{hint}")
        kinds.append(kind_of(measure)[0])
        clocks[measure.clock] = name
    if len(clocks) > 1:
        raise CatalogueError(f"{place}: {reading} mixes clocks: only {clocks['business']} is under the business clock")
    if problem := reading_problem(reading, kinds):
        raise CatalogueError(f"{place}: {problem}")
    return set(kinds)


def _check_part(part: str, name: str, place: str, catalogue: Catalogue) -> None:
    """A part must be there wherever the KPI is."""
    if part not in catalogue.kpis:
        raise CatalogueError(f"{place}: unknown KPI {part!r}{nearest(part, catalogue.kpis)}")
    if name in _parts_of(part, catalogue):
        raise CatalogueError(f"{place}: {part} is itself composed of {name}")
    mine, theirs = catalogue.kpis[name], catalogue.kpis[part]
    for field, words, known in (("windows", mine.windows, theirs.windows), ("by", mine.by, theirs.by)):
        for word in words:
            if word not in known:
                there = catalogue.place(f"kpis.{name}", field)
                raise CatalogueError(f"{there}: {part}, a part of it, has no {word!r} in {field!r}")


def _parts_of(name: str, catalogue: Catalogue) -> set[str]:
    """The KPI itself and all that it is composed of."""
    found: set[str] = set()
    todo = [name]
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += [part.name for part in parts(catalogue.formulas[at]) if part.name in catalogue.formulas]
    return found


"""The measures that the operators of the pipeline read, by ``close`` and by owner or pipeline and it."""
_PIPELINE = ("deals_forecast", "pipeline_overdue_value")
_SUMMED = ("forecast", "anomaly", "revenue_growth_yoy", "deals_forecast")


def _check_operator(operator: str, name: str, catalogue: Catalogue) -> None:
    place, kpi, formula = catalogue.place(f"kpis.{name}", "operators"), catalogue.kpis[name], catalogue.formulas[name]
    ending_now: set[str] = set()
    for part in _parts_of(name, catalogue):
        for reading in (reading for _, formula in _formulas(part, catalogue) for reading in readings(formula)):
            ending_now |= {arg for arg in reading.args if arg in catalogue.measures and _ends_now(arg, catalogue)}
            if reading.over.how:
                raise CatalogueError(
                    f"{place}: {operator} cannot shift {reading}, which is over another window already"
                )
    if operator in _PIPELINE:
        _check_pipeline(operator, place, catalogue)
    if kpi.method or kpi.cases or (ending_now and operator != "change"):
        raise CatalogueError(f"{place}: {operator} needs values over past days; {name} is known as of now only")
    if timeless := ending_now - catalogue.pasts.keys():
        why = f"{name} is known as of now only, as its measure {min(timeless)} has no 'past'"
        raise CatalogueError(f"{place}: {operator} needs values over past days; {why}")
    if operator == "trend" and (formula.composed or _has_product(formula.numerator)):
        raise CatalogueError(f"{place}: trend needs numerator and denominator; {name} is composed")
    if operator in _SUMMED and not is_sum(formula):
        raise CatalogueError(f"{place}: {operator} needs a sum of what happened, which {formula.text!r} is not")


def _ends_now(measure: str, catalogue: Catalogue) -> bool:
    return kind_of(catalogue.measures[measure])[0] in ENDING_NOW


def _check_pipeline(operator: str, place: str, catalogue: Catalogue) -> None:
    for name in (WEIGHTED_DEALS, OPEN_WEIGHTED):
        measure = catalogue.measures.get(name)
        if measure is None or not {"close", "owner,close", "pipeline,close"} <= set(measure.by):
            needed = "by close, by owner,close and by pipeline,close"
            raise CatalogueError(f"{place}: {operator} reads the measure {name} {needed}, which there is not")


def _has_product(node: Node) -> bool:
    """Whether two readings are multiplied, so that it does not add up over days."""
    if not isinstance(node, Binary):
        return False
    by_number = isinstance(node.left, int) or isinstance(node.right, int)
    return (node.op == "*" and not by_number) or _has_product(node.left) or _has_product(node.right)


def is_sum(formula: Formula) -> bool:
    """Whether a KPI adds up over days: no quotient, quantile or level."""
    return (
        formula.denominator is None
        and not formula.composed
        and all(
            reading.function not in STANDING and FUNCTIONS[reading.function].distribution is None
            for reading in readings(formula)
        )
    )
