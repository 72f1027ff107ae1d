"""How Prometheus reads numbers: names, labels and families, in the text format 0.0.4 and OpenMetrics 1.0.

Series have the same names and labels in both formats, so that a rule holds whichever one a scrape negotiates.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Literal, NamedTuple

Type = Literal["gauge", "counter", "info", "gaugehistogram", "unknown"]

LABEL_VALUE_MAX = 64
_HASH_LENGTH = 6
_EMPTY = "(empty)"
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


class Format(StrEnum):
    """The two formats, by their content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Family(NamedTuple):
    """What one metric family says before its samples. ``name`` is OpenMetrics': without ``_total`` or ``_info``."""

    name: str
    type: Type
    help: str
    unit: str = ""
    """The last word of the name, if that is a unit."""

    @property
    def series(self) -> str:
        """The name of its samples."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.type, "")

    def head(self, form: Format) -> str:
        """The lines above its samples, with the line end."""
        if form is Format.TEXT:
            text_type = {"counter": "counter", "unknown": "untyped"}.get(self.type, "gauge")
            return f"# HELP {self.series} {self.help.translate(_HELP_ESCAPES)}\n# TYPE {self.series} {text_type}\n"
        unit = f"# UNIT {self.name} {self.unit}\n" if self.unit else ""
        return f"# HELP {self.name} {self.help.translate(_ESCAPES)}\n# TYPE {self.name} {self.type}\n{unit}"


def family_lines(family: Family, samples: Iterable[tuple[str, float | None]], form: Format) -> Iterator[str]:
    """A whole family, or nothing if no sample has a value.

    Args:
        family: its name, type and help.
        samples: pairs of rendered labels (``labels``) and value; a value of None or not finite is no sample.
        form: the format.
    """
    series = family.series
    lines = [
        f"{series}{{{labels}}} {value!r}\n" if labels else f"{series} {value!r}\n"
        for labels, value in samples
        if value is not None and (value.__class__ is int or math.isfinite(value))
    ]
    if lines:
        yield family.head(form)
        yield from lines


def labels(pairs: Mapping[str, str]) -> str:
    """Labels as they stand between the braces; the values made safe."""
    return ",".join(f'{name}="{label_value(value)}"' for name, value in pairs.items())


def label_value(text: str) -> str:
    r"""A label value from outside, made short and harmless, with the escapes of the formats.

    What cannot be printed is left out; what is too long is cut. A text that was changed ends in a hash of what it was,
    so that two groups never become one series. An empty one is written out: Prometheus takes an empty label for none.

    >>> label_value("Kyiv"), label_value(""), label_value("Ky" + chr(10) + "iv"), len(label_value("long" * 99))
    ('Kyiv', '(empty)', 'Kyiv~e5482a', 64)
    """
    if text.isprintable() and len(text) <= LABEL_VALUE_MAX:
        return text.translate(_ESCAPES) or _EMPTY
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    printable = "".join(filter(str.isprintable, text))
    return f"{printable[: LABEL_VALUE_MAX - _HASH_LENGTH - 1]}~{digest}".translate(_ESCAPES)


def negotiate(accept: str) -> Format:
    """The format for an ``Accept`` header: OpenMetrics 1.0 if it is named and not refused, else text.

    >>> negotiate("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").name, negotiate("*/*").name
    ('OPENMETRICS', 'TEXT')
    """
    for offer in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in offer.split(";"))
        if kind == "application/openmetrics-text":
            named = dict(parameter.replace(" ", "").partition("=")[::2] for parameter in parameters)
            if named.get("version", "1.0.0") == "1.0.0" and named.get("q", "1").strip("0.") != "":
                return Format.OPENMETRICS
    return Format.TEXT
