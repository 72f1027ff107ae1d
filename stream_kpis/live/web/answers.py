"""What routes share: the newest snapshot, and answers as JSON, or as a CSV file for spreadsheets."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from stream_kpis.live.model.snapshot import Snapshot
from stream_kpis.live.terminal.tables import Row, csv_of
from stream_kpis.live.web.feed import Feed

FORMATS = ("json", "csv")


def newest(feed: Feed) -> Snapshot:
    """The newest snapshot.

    Raises:
        HTTPServiceUnavailable: there is none yet.
    """
    if feed.current is None:
        raise web.HTTPServiceUnavailable(text="no values yet: the cells changelog is being read\n")
    return feed.current.snapshot


def json_answer(data: Any) -> web.Response:
    """Any document as JSON."""
    response = web.Response(body=orjson.dumps(data), content_type="application/json")
    response.enable_compression()
    return response


def wants_csv(request: web.Request) -> bool:
    """Whether a request asks for a file.

    Raises:
        HTTPBadRequest: it asks for something else.
    """
    wanted = request.query.get("format", "json")
    if wanted not in FORMATS:
        raise web.HTTPBadRequest(text=f"no format {wanted!a}; there are json and csv\n")
    return wanted == "csv"


def csv_answer(rows: Sequence[Row], *names: str) -> web.Response:
    """Rows as a file.

    Args:
        rows: the values.
        names: what the file is called after; from the catalogue and the calendar, not from who asks.
    """
    response = web.Response(text=csv_of(rows, opened=True), content_type="text/csv", charset="utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{"-".join(filter(None, names))}.csv"'
    response.enable_compression()
    return response
