"""Asks a running exporter, and shows what it says."""

import json
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from stream_kpis.engine.tiles import Calendar
from stream_kpis.live.asks import asks_of, no_window
from stream_kpis.live.terminal.tables import print_rows
from stream_kpis.settings import Settings

_TIMEOUT_S = 30.0
_ERROR_BYTES = 2_000
"""Longer than any line of an exporter; what else stands at the address may send a whole page."""


class ExporterError(RuntimeError):
    """The exporter does not answer as it should; one line."""


def print_kpis(
    settings: Settings,
    *,
    kpis: Sequence[str],
    by: str | None,
    windows: Sequence[str],
    period: str | None,
    since: str | None,
    until: str | None,
    url: str | None,
    as_json: bool,
    as_csv: bool,
    against: str | None = None,
) -> int:
    """The command: live values to standard output. Returns the exit code.

    Raises:
        ValueError: a name or a time is wrong; one line.
        ExporterError: the exporter does not answer, or has no values yet.
    """
    if period and (since or until):
        raise ValueError("--period excludes --from and --to: give it, or both of them")
    asks = asks_of(Calendar(settings.zone), periods=[period] if period else (), since=since, until=until)
    if asks and against:
        raise ValueError("periods are compared from Kafka, and an exporter compares windows: leave --url out")
    if asks and windows:
        raise ValueError("windows and periods do not go together: give --window, or a period")
    query = [("kpi", kpi) for kpi in kpis] + [("by", by or "")] + ([("compare", against)] if against else [])
    query += [(name, text) for name, text in (("period", period), ("from", since), ("to", until)) if text]
    url = url or url_of(settings)
    found = ask(url, "/api/kpis", query + [("window", window) for window in windows])
    if missing := [window for window in windows if window not in _windows(found) and not against]:
        _explain(missing[0], kpis, _windows(ask(url, "/api/kpis", query)))
    if against:
        found["values"] = found["operators"]
    print_rows(found["values"], found, as_json=as_json, as_csv=as_csv, all_kpis=bool(kpis))
    return 0


def _windows(found: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["window"] for row in found["values"]))


def _explain(window: str, kpis: Sequence[str], there_are: Sequence[str]) -> None:
    """Refuses a window that the KPIs asked for do not have; where no group has any value yet, all are empty alike."""
    if there_are:
        raise ValueError(no_window(window, kpis, there_are))


def url_of(settings: Settings) -> str:
    """Where the exporter of these settings is asked from its own machine."""
    return f"http://{reachable(settings.host)}:{settings.port}"


def ask(url: str, path: str, query: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The answer of an exporter.

    Args:
        url: of the exporter, such as ``http://127.0.0.1:9464``.
        path: of the API.
        query: names and values.

    Raises:
        ValueError: the exporter does not understand the question, or the address is none of HTTP.
        ExporterError: it does not answer, or has no values yet.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no address of an exporter: write http://HOST:PORT")
    try:
        with urlopen(f"{url.rstrip('/')}{path}?{urlencode(query)}", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - HTTP, as checked
            return cast("dict[str, Any]", json.load(answer))
    except HTTPError as error:
        text = error.read(_ERROR_BYTES).decode("utf-8", "replace").strip() or error.reason
        if error.code in (400, 404):
            raise ValueError(f"{url}: {text}") from error
        raise ExporterError(f"{url}: {text}") from error
    except (URLError, TimeoutError, HTTPException, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise ExporterError(
            f"no exporter at {url}: {reason}; start one with stream-kpis worker, or give --url"
        ) from error
    except ValueError as error:
        raise ExporterError(f"{url} does not speak as an exporter does: {error}") from error


def reachable(host: str) -> str:
    """Where to connect to what listens on this address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not to listen on
    return f"[{host}]" if ":" in host else host
