"""The values that are made by a function of their own, declared in the catalogue by ``method``."""

from collections.abc import Callable, Iterator, Mapping

from stream_kpis.live.model.methods.asked import Asked
from stream_kpis.live.model.methods.cohorts import cohort_grid
from stream_kpis.live.model.methods.experiments import lift, relative_lift, sample_ratio
from stream_kpis.live.model.methods.quotas import quota
from stream_kpis.live.model.snapshot import Value

METHODS: Mapping[str, Callable[[Asked], Iterator[Value]]] = {
    "lift": lift,
    "relative_lift": relative_lift,
    "sample_ratio": sample_ratio,
    "cohort_grid": cohort_grid,
    "quota": quota,
}
"""By the word in the catalogue."""
