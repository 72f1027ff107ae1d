"""What a company agrees on, as data: the time allowed until a ticket is solved, and the stages of its pipelines.

See ``docs/terms.md``.
"""

import hashlib
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml

from stream_kpis.kpis.durations import duration_ms
from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, tree_of

Section = Literal["sla", "stages"]
SECTIONS: tuple[str, ...] = get_args(Section)
OTHERWISE = "otherwise"
PPM = 1_000_000
ENTRIES_MAX = 100
"""Priorities, pipelines, and stages of a pipeline."""
DAYS_MAX = 3_650
"""The longest time allowed."""
_NAME_BYTES_MAX = 256
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_is_probability = re.compile(r"[0-9](\.[0-9]{1,6})?").fullmatch


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of a deployment.

    ``sla_ms`` is the time allowed from the creation to the first solve, by the priority of the creation;
    ``otherwise_ms`` that of any other priority, or none. ``stages`` are those of each pipeline in order, each with how
    likely a deal in it is to be won, in parts per million.
    """

    sla_ms: dict[str, int]
    otherwise_ms: int
    stages: dict[str, dict[str, int]]

    def allowed_ms(self, priority: str | None) -> int:
        """How long the first solve of a ticket may take."""
        return self.sla_ms.get(priority or "", self.otherwise_ms)

    def listed(self, pipeline: str | None) -> dict[str, int]:
        """The stages of a pipeline in order; none if it is not listed."""
        return self.stages.get(pipeline or "", {})

    def chance(self, pipeline: str | None, stage: str | None) -> int | None:
        """How likely a deal is to be won, in parts per million; None if its stage is not listed."""
        return self.listed(pipeline).get(stage or "")

    def digest(self, section: Section) -> str:
        """A hash of all that a section says; the order of stages is part of it."""
        said: Any = (self.sla_ms, self.otherwise_ms)
        if section == "stages":
            said = {pipeline: list(stages.items()) for pipeline, stages in self.stages.items()}
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:8]


_STAGES = {"discovery": 100_000, "proposal": 300_000, "negotiation": 600_000, "contract": 900_000}
USUAL = Terms(
    sla_ms={"urgent": 4 * _HOUR_MS, "high": 8 * _HOUR_MS, "normal": 24 * _HOUR_MS, "low": 72 * _HOUR_MS},
    otherwise_ms=24 * _HOUR_MS,
    stages={"default": _STAGES, "partner": _STAGES},
)
"""Those of a deployment that says none."""


def load_terms(file: Path) -> Terms:
    """The terms of a file; a section that it lacks is the usual one.

    Args:
        file: YAML with the sections ``sla`` (by priority a duration, and ``otherwise``) and ``stages`` (by pipeline and
            stage a probability).

    Raises:
        CatalogueError: the file is wrong; the line names file, line, field and mistake.
    """
    terms = USUAL
    for section, (key, node) in entries_of(file, tree_of(file)).items():
        match section:
            case "sla":
                allowed = _allowed(file, key, node)
                otherwise_ms = allowed.pop(OTHERWISE)
                terms = msgspec.structs.replace(terms, sla_ms=allowed, otherwise_ms=otherwise_ms)
            case "stages":
                terms = msgspec.structs.replace(terms, stages=_stages(file, key, node))
            case _:
                raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{nearest(section, SECTIONS)}")
    return terms


def _allowed(file: Path, at: Any, node: Any) -> dict[str, int]:
    """By priority the time allowed in ms, and that of all others."""
    entries = _named(file, "sla", "priorities", at, node)
    if OTHERWISE not in entries:
        for name, (key, _) in entries.items():
            if hint := nearest(name, [OTHERWISE]):
                raise CatalogueError(f"{place(file, key)}: sla.{name}: {OTHERWISE!r} is missing{hint}")
        raise CatalogueError(f"{place(file, at)}: sla: {OTHERWISE!r} is missing: the time of any other priority")
    return {name: _allowed_ms(file, f"sla.{name}", value) for name, (_, value) in entries.items()}


def _stages(file: Path, at: Any, node: Any) -> dict[str, dict[str, int]]:
    """By pipeline and stage the probability in parts per million."""
    found = {}
    for pipeline, (key, listed) in _named(file, "stages", "pipelines", at, node).items():
        entry = f"stages.{pipeline}"
        stages = _named(file, entry, "stages", key, listed)
        found[pipeline] = {stage: _chance(file, f"{entry}.{stage}", value) for stage, (_, value) in stages.items()}
    return found


def _named(file: Path, entry: str, what: str, at: Any, node: Any) -> dict[str, tuple[Any, Any]]:
    """The entries of a mapping that is neither empty nor too long."""
    entries = entries_of(file, node) if isinstance(node, yaml.MappingNode) else {}
    if not 0 < len(entries) <= ENTRIES_MAX:
        raise CatalogueError(f"{place(file, at)}: {entry}: 1 to {ENTRIES_MAX} {what} are expected here")
    for name, (key, _) in entries.items():
        if not 0 < len(name.encode()) <= _NAME_BYTES_MAX:
            raise CatalogueError(f"{place(file, key)}: {entry}: a name has 1 to {_NAME_BYTES_MAX} bytes")
    return entries


def _allowed_ms(file: Path, entry: str, node: Any) -> int:
    said = node.value if isinstance(node, yaml.ScalarNode) else ""
    try:
        allowed_ms = duration_ms(said)
    except ValueError:
        allowed_ms = 0
    if not 0 < allowed_ms <= DAYS_MAX * _DAY_MS:
        what = f"a duration such as 30m, 4h or 3d, up to {DAYS_MAX}d, is expected here, not {said!r}"
        raise CatalogueError(f"{place(file, node)}: {entry}: {what}")
    return allowed_ms


def _chance(file: Path, entry: str, node: Any) -> int:
    said = node.value if isinstance(node, yaml.ScalarNode) else ""
    parts = Decimal(said) * PPM if _is_probability(said) else -1
    if not 0 <= parts <= PPM:
        what = f"a probability from 0 to 1 such as 0.25, with at most six decimals, is expected here, not {said!r}"
        raise CatalogueError(f"{place(file, node)}: {entry}: {what}")
    return int(parts)
