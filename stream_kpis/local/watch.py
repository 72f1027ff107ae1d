"""Looks whether catalogue files changed, so that a demo can take them up while it runs."""

from stream_kpis.plan import catalogue_files
from stream_kpis.settings import Settings

Marks = dict[str, tuple[int, int]]


class Watch:
    """The deployment's own catalogue files, as they were when last asked.

    Args:
        settings: which files and folders.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._marks = self._now()

    def changed(self) -> bool:
        """Whether a file was written, added or removed since the last time; a change is told once."""
        before, self._marks = self._marks, self._now()
        return self._marks != before

    def _now(self) -> Marks:
        marks: Marks = {}
        for file in catalogue_files(self._settings):
            try:
                found = file.stat()
            except FileNotFoundError:
                continue
            marks[str(file)] = (found.st_mtime_ns, found.st_size)
        return marks
