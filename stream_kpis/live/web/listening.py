"""Serves an application over HTTP while a block runs."""

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from stream_kpis.settings import SettingsError


@contextlib.asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Gives the address, such as ``http://127.0.0.1:9464``.

    Args:
        app: what answers.
        host: the address to listen on.
        port: the port to listen on; 0 chooses a free one.

    Raises:
        SettingsError: the port is taken, or the address is none of this machine.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            reason = (error.strerror or str(error)).rpartition(": ")[2]  # aiohttp repeats the address before it
            raise SettingsError(f"cannot listen on {host}:{port}: {reason}; choose another port") from error
        chosen = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{chosen}"
    finally:
        await runner.cleanup()
