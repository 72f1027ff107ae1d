"""The commands that show values: argument parsing only."""

import sys
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli.options import Names, as_csv, as_json, files, mapping, one_form, rates, settings_of


@click.command()
@files
@mapping
@click.option("--at", "instants", multiple=True, help="Values as of an instant; may be given several times.")
@click.option(
    "--period", "periods", multiple=True, help="A day, month, quarter or year: 2026-03-01, 2026-03, 2026Q1, 2026."
)
@click.option("--from", "since", default=None, help="First business day of a period of your own.")
@click.option("--to", "until", default=None, help="The day after its last one.")
@click.option("--kpi", "kpis", type=Names(), default=(), help="Only these KPIs, separated by commas.")
@click.option("--by", default=None, help="Only this grouping; without it the totals.")
@rates
@as_json
@as_csv
@click.pass_context
def evaluate(context: click.Context, /, rates: Path | None, **options: Any) -> None:
    """Compute KPIs from files with the same engine, without Kafka.

    Example: stream-kpis evaluate deals.csv --mapping deals.yaml --period 2017Q1 --kpi deal_win_rate
    """
    from stream_kpis.live.evaluate import print_evaluation  # noqa: PLC0415

    one_form(options)
    sys.exit(print_evaluation(settings_of(context, rates=rates), **options))


@click.command()
@click.option("--kpi", "kpis", type=Names(), default=(), help="Only these KPIs, separated by commas.")
@click.option("--by", default=None, help="A grouping; without it the totals.")
@click.option("--window", "windows", type=Names(), default=(), help="Only these windows.")
@click.option("--at", "instants", multiple=True, help="Windows as of an instant; may be given several times.")
@click.option("--period", default=None, help="A day, month, quarter or year instead of a window.")
@click.option("--from", "since", default=None, help="First business day of a period of your own.")
@click.option("--to", "until", default=None, help="The day after its last one.")
@click.option(
    "--compare",
    "against",
    type=click.Choice(["previous", "year"]),
    default=None,
    help="Changes of closed days against as many before, or a year before.",
)
@click.option("--url", default=None, help="Of the exporter; with a period: say what it knows of it now.")
@click.option("--bootstrap", default=None, help="Kafka servers, for the past.")
@as_json
@as_csv
@click.pass_context
def kpis(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show the live values of a running exporter, or those of the past.

    The past, an instant or a period, is replayed from the parties in Kafka.

    Example: stream-kpis kpis --period 2026-03 --compare year --kpi revenue_net
    """
    one_form(options)
    settings = settings_of(context, bootstrap=bootstrap)
    instants, exporter = options["instants"], options["url"]
    if instants and exporter:
        raise click.UsageError("--at is answered from Kafka: leave --url out")
    if instants or (exporter is None and any(options[name] for name in ("period", "since", "until"))):
        from stream_kpis.stream.past import print_past  # noqa: PLC0415

        del options["url"]
        sys.exit(print_past(settings, **options))
    from stream_kpis.live.client import print_kpis  # noqa: PLC0415

    del options["instants"]
    sys.exit(print_kpis(settings, **options))
