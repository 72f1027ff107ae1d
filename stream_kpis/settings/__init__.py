"""How a deployment runs: one frozen Settings, from a file and the environment, checked at start.

What is not set stays at its default; a variable of the environment wins over the file.
"""

from stream_kpis.settings.sources import ENVIRONMENT_PREFIX, FILE_VARIABLE, load
from stream_kpis.settings.struct import Role, Sasl, Secret, Settings, SettingsError

__all__ = ["ENVIRONMENT_PREFIX", "FILE_VARIABLE", "Role", "Sasl", "Secret", "Settings", "SettingsError", "load"]
