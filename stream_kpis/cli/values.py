"""The commands that show values: argument parsing only."""

import sys
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli.options import Names, as_csv, as_json, files, mapping, one_form, rates, settings_of, url


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
@url
@as_json
@as_csv
@click.pass_context
def kpis(context: click.Context, /, **options: Any) -> None:
    """Show the live values of a running exporter."""
    from stream_kpis.live.client import print_kpis  # noqa: PLC0415

    one_form(options)
    sys.exit(print_kpis(settings_of(context), **options))
