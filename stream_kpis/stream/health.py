"""Whether a process of ours is alive, for the health checks of containers."""

import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from stream_kpis.live.terminal.client import url_of
from stream_kpis.settings import Role, Settings, SettingsError

SILENT_S_MAX = 60.0
"""A worker that has not touched its file for so long hangs; a recovery decodes for seconds without a break."""
_ANSWER_S_MAX = 10.0


def show_alive(file: Path | None) -> None:
    """Touches the file of a worker, if it has one.

    Raises:
        OSError: the file cannot be made.
    """
    if file is not None:
        file.touch()


def print_health(settings: Settings) -> int:
    """The command: a line for each part that ``settings.role`` runs. Returns 0, or 1 if one is not well.

    Raises:
        SettingsError: the role has a worker, and no file is set.
    """
    found = []
    if settings.role is not Role.EXPORTER:
        found.append(_worker(settings))
    if settings.role is not Role.WORKER:
        found.append(_exporter(settings))
    for _, line in found:
        print(line)  # noqa: T201 - the command's output
    return int(not all(well for well, _ in found))


def _worker(settings: Settings) -> tuple[bool, str]:
    if settings.health_file is None:
        raise SettingsError("settings: health_file is not set: name a file that the worker and this command can reach")
    try:
        age_s = time.time() - settings.health_file.stat().st_mtime
    except FileNotFoundError:
        return False, f"worker: no {settings.health_file} yet: it has not started"
    return age_s <= SILENT_S_MAX, f"worker: alive {max(0.0, age_s):.0f} s ago"


def _exporter(settings: Settings) -> tuple[bool, str]:
    try:
        with urlopen(f"{url_of(settings)}/readyz", timeout=_ANSWER_S_MAX) as answer:  # noqa: S310 - HTTP, our own
            return True, f"exporter: {answer.read(100).decode().strip()}"
    except HTTPError as error:
        return False, f"exporter: {error.read(200).decode('utf-8', 'replace').strip()}"
    except (OSError, HTTPException) as error:
        return False, f"exporter: no answer at {url_of(settings)}: {getattr(error, 'reason', error)}"
