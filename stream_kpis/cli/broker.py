"""The commands of the local Kafka: argument parsing only."""

import sys

import click

from stream_kpis.cli.options import EXIT_CHECK_FAILED, EXIT_DONE, PORT, Commands, settings_of


@click.group(cls=Commands)
def kafka() -> None:
    """A real local Kafka, without Docker or Java."""


@kafka.command("start")
@click.option("--port", type=PORT, default=None, help="For clients; 9092 by default, 0 takes a free one.")
@click.pass_context
def kafka_start(context: click.Context, /, port: int | None) -> None:
    """Start it; it goes on until `kafka stop`."""
    from stream_kpis.local.kafka import start_detached  # noqa: PLC0415

    running = start_detached(settings_of(context).data_dir / "kafka", port, click.echo)
    click.echo(f"Kafka {running.bootstrap} (process {running.pid})")


@kafka.command("stop")
@click.pass_context
def kafka_stop(context: click.Context, /) -> None:
    """Stop it."""
    from stream_kpis.local.kafka import stop  # noqa: PLC0415

    click.echo("stopped" if stop(settings_of(context).data_dir / "kafka") else "no local Kafka runs")


@kafka.command("warm")
def kafka_warm() -> None:
    """Train Java's start-up cache once, so that brokers start in a second."""
    from stream_kpis.local.kafka import warm  # noqa: PLC0415

    click.echo(warm(click.echo))


@kafka.command("status")
@click.pass_context
def kafka_status(context: click.Context, /) -> None:
    """Say whether it runs, and where."""
    from stream_kpis.local.kafka import status  # noqa: PLC0415

    running = status(settings_of(context).data_dir / "kafka")
    click.echo(f"Kafka {running.bootstrap} (process {running.pid})" if running else "no local Kafka runs")
    sys.exit(EXIT_DONE if running else EXIT_CHECK_FAILED)
