"""The live page and the wall, as files: no build step, and nothing from elsewhere."""

from importlib import resources

from aiohttp import web

from stream_kpis.live.web.hosts import Handler

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_FILES = (
    *("app.js", "address.js", "list.js", "kpi.js", "history.js", "chart.js", "receipt.js", "changes.js"),
    *("attention.js", "health.js", "panes.js", "work.js"),
    *("wall.js", "stream.js", "words.js", "dom.js", "base.css", "style.css", "views.css", "wall.css", "icon.svg"),
)


def routes() -> list[web.RouteDef]:
    """``/``, ``/wall``, and under ``/page/`` what they are made of; the files are read once, here."""
    parts = {name: _sending(name) for name in _FILES}

    async def part(request: web.Request) -> web.StreamResponse:
        send = parts.get(request.match_info["name"])
        if send is None:
            raise web.HTTPNotFound(text="no such page\n")
        return await send(request)

    return [
        web.get("/", _sending("index.html")),
        web.get("/wall", _sending("wall.html")),
        web.get("/page/{name}", part),
    ]


def _sending(name: str) -> Handler:
    body = resources.files("stream_kpis.live").joinpath("page", name).read_bytes()
    content_type = _TYPES[name.rpartition(".")[2]]

    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return send
