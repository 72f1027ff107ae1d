"""History: CSV and JSONL files and a mapping in YAML become canonical CloudEvents.

``docs/history.md`` tells analysts how to write a mapping. The parts: :mod:`document` (YAML with places),
:mod:`values` (texts that become times, numbers, conditions), :mod:`expressions` (parser), :mod:`binding` (expressions
made callable), :mod:`fields` (what an event type takes), :mod:`mapping` (the schema), :mod:`readers` (files),
:mod:`importing` (the loop and its counts).
"""

from stream_kpis.events.history.document import MappingError
from stream_kpis.events.history.importing import Counts, History, Imported, Miss, Tally
from stream_kpis.events.history.mapping import Mapping, read_mapping

__all__ = ["Counts", "History", "Imported", "Mapping", "MappingError", "Miss", "Tally", "read_mapping"]
