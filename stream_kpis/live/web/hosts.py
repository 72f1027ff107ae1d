"""Under which host names the server answers: a page elsewhere may point a name of its own at us (DNS rebinding).

A browser then takes us for that page's own server and lets it read all. The ``Host`` header still has the name.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::\d*)?")
_SHOWN = 80

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serves(header: str, listening: str, allowed: Collection[str]) -> bool:
    """Whether a request with this ``Host`` header is answered; its port does not matter.

    Args:
        header: as the client sent it; empty if it sent none.
        listening: the address that the server listens on.
        allowed: the names of setting ``allowed_hosts``.

    On loopback these are localhost and what is allowed. Elsewhere everyone can connect anyway: all are served, unless
    names are set; then these, localhost, and addresses, by which monitoring asks and which no DNS can point elsewhere.

    >>> serves("localhost:9464", "127.0.0.1", ()), serves("evil.example", "127.0.0.1", ())
    (True, False)
    >>> serves("evil.example", "0.0.0.0", ()), serves("evil.example", "0.0.0.0", ("kpis.example",))
    (True, False)
    """
    if not (allowed or is_loopback(listening)):
        return True
    found = _HOST.fullmatch(header.lower())
    name = found[1].rstrip(".") if found else ""
    if name in _LOOPBACK or name in {host.lower() for host in allowed}:
        return True
    return not is_loopback(listening) and _address(name) is not None


def guard(listening: str, allowed: Collection[str]) -> Any:
    """A middleware that answers only requests that :func:`serves` allows."""

    @web.middleware
    async def refuse_other_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Host", "")
        if not serves(header, listening, allowed):
            shown = ascii(header[:_SHOWN])
            text = f"not served as {shown}: ask for localhost, or add the name to setting allowed_hosts\n"
            raise web.HTTPMisdirectedRequest(text=text)
        return await handler(request)

    return refuse_other_hosts


def is_loopback(host: str) -> bool:
    """Whether who listens on this address is reached from this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("kpis.example")
    (True, True, False, False)
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
