"""Goals"""

from collections.abc import Mapping
from typing import NamedTuple


class Goals(NamedTuple):
    quotas: Mapping[str, int] = {}
    experiments: Mapping[str, Mapping[str, float]] = {}


NO_GOALS = Goals()
