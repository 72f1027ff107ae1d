"""How to reach Kafka, for its clients and for Faust."""

import ssl
from typing import Any

import faust

from stream_kpis.settings import Sasl, Settings


def connection(settings: Settings) -> dict[str, Any]:
    """Arguments for any aiokafka client."""
    arguments: dict[str, Any] = {"bootstrap_servers": settings.bootstrap, "client_id": "stream-kpis"}
    if settings.tls:
        arguments["ssl_context"] = _tls(settings)
    if settings.sasl is not Sasl.NONE:
        arguments["sasl_mechanism"] = settings.sasl.value
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = str(settings.sasl_password)
    transport = "SSL" if settings.tls else "PLAINTEXT"
    arguments["security_protocol"] = transport if settings.sasl is Sasl.NONE else f"SASL_{transport}"
    return arguments


def faust_connection(settings: Settings) -> dict[str, Any]:
    """The same for a Faust app."""
    broker = ";".join(f"kafka://{server.strip()}" for server in settings.bootstrap.split(","))
    context = _tls(settings) if settings.tls else None
    if settings.sasl is not Sasl.NONE:
        credentials = faust.SASLCredentials(
            username=settings.sasl_username,
            password=str(settings.sasl_password),
            ssl_context=context,
            mechanism=settings.sasl.value,
        )
    else:
        credentials = faust.SSLCredentials(context) if context else None
    return {"broker": broker, "broker_credentials": credentials}


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.tls_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_certificate:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
