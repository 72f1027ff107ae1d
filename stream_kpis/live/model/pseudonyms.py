"""Agents and owners under other names, wherever numbers are shown: stable, and without the secret not to be traced.

A name is HMAC-SHA-256 of the real one under a secret of the deployment, cut to 40 bits: the same person has the same
name in every KPI, grouping and process, and after every restart.
"""

import hashlib
import hmac
from functools import lru_cache

from stream_kpis.engine.cells import OTHER
from stream_kpis.journeys.facts import UNKNOWN
from stream_kpis.settings import Settings

DIMENSIONS = frozenset({"owner", "agent"})
FIELDS = frozenset({"owner_id", "agent_id"})
"""The same in events."""
_DIGITS = 10


class Pseudonyms:
    """Renames people, if there is a secret; else everything stays as it is.

    Args:
        secret: of the deployment; empty for real names.
    """

    def __init__(self, secret: str = "") -> None:
        self._secret = secret.encode()
        self._renamed = lru_cache(maxsize=10_000)(self._rename)

    @classmethod
    def of(cls, settings: Settings) -> "Pseudonyms":
        """What a deployment wants."""
        return cls(settings.pseudonym_secret if settings.pseudonyms else "")

    def person(self, name: str) -> str:
        """A person's name as it is shown; who is unknown stays so.

        >>> Pseudonyms("secret").person("rep-01"), Pseudonyms().person("rep-01"), Pseudonyms("secret").person("unknown")
        ('person-31684e6821', 'rep-01', 'unknown')
        """
        return self._renamed(name) if self._secret and name not in (UNKNOWN, OTHER, "") else name

    def group(self, by: str, group: str) -> str:
        """A group of a grouping as it is shown; both with commas between several dimensions.

        >>> Pseudonyms().group("owner", "rep-01"), Pseudonyms("secret").group("team", "first")
        ('rep-01', 'first')
        """
        dimensions = by.split(",")
        if not self._secret or DIMENSIONS.isdisjoint(dimensions) or group == OTHER:
            return group
        names = group.split(",", len(dimensions) - 1)
        return ",".join(self.field(dim, name) for dim, name in zip(dimensions, names, strict=True))

    def field(self, name: str, value: str) -> str:
        """The value of a dimension, or of a field of an event, as it is shown."""
        return self.person(value) if name in DIMENSIONS or name in FIELDS else value

    def _rename(self, name: str) -> str:
        return f"person-{hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()[:_DIGITS]}"


REAL = Pseudonyms()
"""Everybody by their own name."""
