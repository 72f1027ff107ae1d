"""The command `stack --exporter`: Prometheus and Alertmanager beside a demo that runs."""

import re
import signal
import tempfile
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path

import click

from stream_kpis.local.drills import interval_s, pace, timing
from stream_kpis.local.stack import Stack, StackError
from stream_kpis.monitoring.alerts import Whole
from stream_kpis.monitoring.rules import rules
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings

_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})", re.ASCII)
_OURS = b"stream_kpis_build_info"
_POLL_S = 0.5


def run_beside(settings: Settings, exporter: str, *, fast: bool) -> int:
    """Runs both beside an exporter until a signal, and prints what people would be told.

    Args:
        settings: whose catalogue gives the alerts.
        exporter: host and port.
        fast: whether alerts hold and go on for seconds.

    Raises:
        ValueError: it is no host and port.
        StackError: no exporter answers there, or a program does not start; one line.
    """
    address = _address(exporter)
    kpis = compile_plan(settings).catalogue.kpis
    _require_life(address)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with (
        tempfile.TemporaryDirectory(prefix="stream-kpis-stack-") as folder,
        Stack(Path(folder), [address], rules(Whole(kpis), timing(fast=fast)), interval_s(fast=fast)) as stack,
    ):
        click.echo(f"Prometheus    {stack.prometheus}")
        click.echo(f"Alertmanager  {stack.alertmanager}")
        click.echo("Rules         " + "\n              ".join(pace(fast=fast)))
        click.echo("notifications, as they come:")
        told = 0
        while not ended.wait(_POLL_S):
            for note in stack.received[told:]:
                told += 1
                for alert in note["alerts"]:
                    click.echo(f"{alert['status']:9} {alert['labels']['alertname']}: {alert['annotations']['summary']}")
    return 0


def _address(text: str) -> str:
    """The text, if it is a host and a port."""
    found = _ADDRESS.fullmatch(text)
    if not found or not 0 < int(found["port"]) <= 65_535:
        raise ValueError(f"--exporter {text!r} is no address: write HOST:PORT, such as 127.0.0.1:9464")
    return text


def _require_life(address: str) -> None:
    """Asks before anything starts: of an exporter that is not there, all that the alerts could say is just that."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            if _OURS in answer.read():
                return
            reason = "what answers is none of ours"
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    raise StackError(
        f"no exporter at {address}: {reason}; start one with stream-kpis demo, or give --exporter HOST:PORT"
    )
