"""The oracle: an independent recomputation of every KPI in DuckDB SQL over the raw events."""

from stream_kpis.proof.oracle.calendars import ALWAYS, Version
from stream_kpis.proof.oracle.catalogue import KPIS
from stream_kpis.proof.oracle.oracle import EDGES_S, HORIZON_MS, TARGETS_MS, Answer, Ask, Oracle
from stream_kpis.proof.oracle.rates import Rate

__all__ = ["ALWAYS", "EDGES_S", "HORIZON_MS", "KPIS", "TARGETS_MS", "Answer", "Ask", "Oracle", "Rate", "Version"]
