"""The oracle: an independent recomputation of every KPI in DuckDB SQL over the raw events."""

from stream_kpis.proof.oracle.calendars import ALWAYS, Version
from stream_kpis.proof.oracle.catalogue import KPIS, SUMS
from stream_kpis.proof.oracle.fixed import EDGES_S, HORIZON_MS, TARGETS_MS
from stream_kpis.proof.oracle.oracle import Answer, Ask, Oracle
from stream_kpis.proof.oracle.rates import Rate
from stream_kpis.proof.oracle.requests import Outcome, Request, Target

__all__ = [
    "ALWAYS",
    "EDGES_S",
    "HORIZON_MS",
    "KPIS",
    "SUMS",
    "TARGETS_MS",
    "Answer",
    "Ask",
    "Oracle",
    "Outcome",
    "Rate",
    "Request",
    "Target",
    "Version",
]
