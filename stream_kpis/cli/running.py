"""The commands that run the pipeline and send it events: argument parsing only."""

import sys
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli.options import COUNT, DAYS_MAX, PORT, Names, Rate, bootstrap, files, mapping, rates, settings_of
from stream_kpis.settings import Role


@click.command()
@click.option("--for", "span", default=None, help="End by itself this long after going live, such as 90s or 5m.")
@click.option(
    "--verify",
    "proof",
    is_flag=True,
    help="At the end compare /metrics with the oracle; exit 1 if it differs, or too few KPIs have samples.",
)
@click.option("--events", type=COUNT, default=600_000, show_default=True, help="Events of history.")
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=400, show_default=True, help="Days of history.")
@click.option("--rate", type=Rate(), default=20.0, show_default=True, help="Live events per second.")
@click.option("--seed", default=1, show_default=True)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="At most one per partition.")
@click.option(
    "--scenario", default="slow-responses", show_default=True, help="What happens two minutes in; none for nothing."
)
@click.option("--port", default=None, type=PORT, help="Of the live page; a free one from 9464 on by default.")
@click.option("--audit", is_flag=True, help="Prove what it shows all the while; up to 1 GB of memory.")
@click.pass_context
def demo(context: click.Context, /, **options: Any) -> None:
    """Local Kafka, worker, exporter and a simulated company, until Ctrl-C.

    Example: stream-kpis demo --for 90s --verify
    """
    from stream_kpis.local.demo import Demo  # noqa: PLC0415 - each command loads only what it needs

    sys.exit(Demo(settings_of(context), **options).run())


@click.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), default=None, help="What this process does.")
@bootstrap
@click.option("--port", default=None, type=PORT, help="Of the exporter.")
@click.pass_context
def worker(context: click.Context, /, **given: Any) -> None:
    """Keep the KPIs (worker), show them (exporter), or both (all)."""
    from stream_kpis.proof.child import proving  # noqa: PLC0415
    from stream_kpis.stream.roles import run  # noqa: PLC0415

    settings = settings_of(context, **given)
    run(settings, prove=proving(settings))


@click.command("import")
@files
@mapping
@bootstrap
@rates
@click.pass_context
def import_(context: click.Context, /, files: tuple[Path, ...], mapping: Path, **given: Any) -> None:
    """Send history from CSV, JSONL or Parquet files to Kafka, by a mapping.

    With --rates those of the file are sent first, so that its events need not wait for them.

    Example: stream-kpis import orders.csv --mapping orders.yaml
    """
    from stream_kpis.stream.commands.importing import import_files  # noqa: PLC0415

    sys.exit(import_files(settings_of(context, **given), files, mapping, with_rates=given["rates"] is not None))


@click.command()
@click.option("--rate", type=Rate(), default=20.0, show_default=True, help="Events per second.")
@click.option("--parties", type=COUNT, default=5000, show_default=True)
@click.option(
    "--days", type=click.IntRange(0, DAYS_MAX), default=0, show_default=True, help="Days of history to send first."
)
@click.option("--events", type=click.IntRange(min=0), default=0, show_default=True, help="Events of that history.")
@click.option("--faults", type=Names(), default=(), help="duplicate,late,shuffle,poison,misroute,rates or all.")
@click.option("--currencies", is_flag=True, help="Some pay in EUR, GBP, JPY, KWD and BHD; rates go to crm.rates.")
@click.option("--seed", default=1, show_default=True)
@bootstrap
@click.pass_context
def simulate(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Send a simulated company's events to Kafka until Ctrl-C."""
    from stream_kpis.local.sender import simulate as run  # noqa: PLC0415

    if bool(options["days"]) != bool(options["events"]):
        raise click.UsageError("--days and --events go together: give both for a history, or neither")
    if "rates" in options["faults"] and not options["currencies"]:
        raise click.UsageError("--faults rates goes with --currencies: give both, or neither")
    sys.exit(run(settings_of(context, bootstrap=bootstrap), **options))


@click.command()
@click.option(
    "--scenario",
    default=None,
    help="slow-responses (the default), churn-wave, or quiet-night and small-sample, in which nobody must be paged.",
)
@click.option(
    "--until",
    type=click.Choice(["firing", "webhook", "resolved"]),
    default=None,
    help="End once the alert was seen so far, or nobody was paged; exit 1 if it was other. Until Ctrl-C by default.",
)
@click.option(
    "--fast", is_flag=True, help="Alerts wait for seconds, not minutes, before they fire and after; else all is real."
)
@click.option("--port", default=None, type=PORT, help="Of the live page; a free one from 9464 on by default.")
@click.option("--exporter", default=None, help="HOST:PORT of an exporter that runs: only watch that, until Ctrl-C.")
@click.pass_context
def stack(context: click.Context, /, exporter: str | None, scenario: str | None, **options: Any) -> None:
    """Show that alerts arrive: a demo with Prometheus and Alertmanager.

    Tells the life of a scenario's alert: event, visible in /metrics, firing, delivered, resolved.

    Example: stream-kpis stack --scenario slow-responses --until resolved --fast
    """
    if exporter is not None:
        if scenario or options["until"] or options["port"] is not None:
            raise click.UsageError("--exporter goes with --fast alone: what runs has its own scenario and port")
        from stream_kpis.local.beside import run_beside  # noqa: PLC0415

        sys.exit(run_beside(settings_of(context), exporter, fast=options["fast"]))
    from stream_kpis.local.drill import run_drill  # noqa: PLC0415

    sys.exit(run_drill(settings_of(context), scenario or "slow-responses", **options))
