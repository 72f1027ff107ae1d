"""Which statements some KPIs need, so that an oracle that is asked for few does not make the others."""

import re
from collections.abc import Collection, Sequence

from stream_kpis.proof.oracle.catalogue import CATALOGUE, ONLY_PARTS
from stream_kpis.proof.oracle.composed import PARTS

_KPI_NAME = re.compile(r"'([\w ]+)'")


def _parts_of(kpi: str) -> set[str]:
    """What a composed KPI is made of, and what that is."""
    own = {part.kpi for part in PARTS.get(kpi, ())}
    return own.union(*(_parts_of(part) for part in own))


def needed(statements: Sequence[str], kpis: Collection[str]) -> list[str]:
    """The statements that some KPIs need: those that name one of them, what these name in turn, and those of no KPI."""
    known = {kpi.name for kpi in CATALOGUE + ONLY_PARTS}
    named = [frozenset(_KPI_NAME.findall(statement)) & known for statement in statements]
    wanted = set(kpis).union(*(_parts_of(kpi) for kpi in kpis))
    before = 0
    while len(wanted) > before:
        before = len(wanted)
        wanted |= {name for names in named if names & wanted for name in names}
    return [statement for statement, names in zip(statements, named, strict=True) if not names or names & wanted]
