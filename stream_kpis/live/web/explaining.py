"""Receipts over HTTP: `/api/explain`."""

from aiohttp import web

from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.receipts.receipt import Maker, Receipt, as_json, asked_group
from stream_kpis.live.receipts.receipt_text import render
from stream_kpis.live.web.answers import json_answer, newest
from stream_kpis.live.web.feed import Feed

PARAMETERS = frozenset({"kpi", "window", "by"})


class Explaining:
    """Answers where values come from.

    Args:
        feed: where the snapshots stand.
        model: what they are made from.
        maker: makes receipts of it.
        provable: whether somebody can have a value proved, at `/api/prove`.
    """

    def __init__(self, feed: Feed, model: ReadModel, maker: Maker, *, provable: bool = False) -> None:
        self._feed, self._model, self._maker, self._provable = feed, model, maker, provable

    def turn(self, model: ReadModel, maker: Maker) -> None:
        """Goes on with another catalogue."""
        self._model, self._maker = model, maker

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        return [web.get("/api/explain", self.explain)]

    async def explain(self, request: web.Request) -> web.Response:
        """One receipt: ``kpi``, ``window``, and ``by=DIM=VALUE`` for a group. ``text`` is the same for people.

        A KPI with only one window needs none.
        """
        receipt = self._receipt(request)
        return json_answer({**as_json(receipt), "text": render(receipt), "provable": self._provable})

    def _asked(self, request: web.Request) -> tuple[str, str]:
        if unknown := request.query.keys() - PARAMETERS:
            raise web.HTTPBadRequest(text=f"unknown parameter {min(unknown)}; there are by, kpi and window\n")
        try:
            return request.query["kpi"], request.query.get("window", "")
        except KeyError as error:
            raise web.HTTPBadRequest(text="kpi is missing: give kpi and window\n") from error

    def _receipt(self, request: web.Request) -> Receipt:
        kpi, window = self._asked(request)
        shown = newest(self._feed)
        # Cells may have come since: the figures and the value are of the same instant.
        snapshot = self._model.snapshot(shown.kpi_now_ms, stale=shown.stale, made_ms=shown.made_ms, shards=shown.shards)
        snapshot = snapshot._replace(shards_changed=shown.shards_changed, held_since_ms=shown.held_since_ms)
        try:
            return self._maker.receipt(snapshot, kpi, window, *asked_group(request.query.get("by", "")))
        except ValueError as error:
            refusal = web.HTTPNotFound if window else web.HTTPBadRequest
            raise refusal(text=f"{error}\n") from error
