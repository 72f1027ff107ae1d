"""History: CSV and JSONL files and a mapping in YAML become canonical CloudEvents.

``docs/history.md`` tells analysts how to write a mapping. The parts, each on those before it: :mod:`document` (YAML
with places), :mod:`values` (texts as times, numbers, conditions), :mod:`trees` (typed expressions), :mod:`expressions`
(their parser), :mod:`binding` (expressions made callable), :mod:`fields` (what an event type takes), :mod:`rules` (a
checked mapping), :mod:`mapping` (from YAML to rules), :mod:`readers` (files), :mod:`importing` (the loop, the counts).
"""

from stream_kpis.events.history.document import MappingError
from stream_kpis.events.history.importing import Counts, History, Imported, Miss, Tally, told
from stream_kpis.events.history.mapping import read_mapping
from stream_kpis.events.history.rules import Mapping

__all__ = ["Counts", "History", "Imported", "Mapping", "MappingError", "Miss", "Tally", "read_mapping", "told"]
