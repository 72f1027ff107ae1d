"""The commands that show values: argument parsing only."""

import sys
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli import completing
from stream_kpis.cli.options import Names, as_csv, as_json, files, mapping, one_form, rates, settings_of, url

_only = click.option(
    "--kpi",
    "kpis",
    type=Names(),
    default=(),
    shell_complete=completing.kpis,
    help="Only these KPIs, separated by commas.",
)
_since = click.option("--from", "since", default=None, help="First business day of a period of your own.")
_until = click.option("--to", "until", default=None, help="The day after its last one.")


@click.command()
@files
@mapping
@click.option("--at", "instants", multiple=True, help="Values as of an instant; may be given several times.")
@click.option(
    "--period", "periods", multiple=True, help="A day, month, quarter or year: 2026-03-01, 2026-03, 2026Q1, 2026."
)
@_since
@_until
@_only
@click.option(
    "--by", default=None, shell_complete=completing.groupings, help="Only this grouping; without it the totals."
)
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
@click.option(
    "--window", default="", shell_complete=completing.windows, help="The window to begin with; 24h by default."
)
@click.option("--by", default="", shell_complete=completing.groupings, help="A grouping; without it the totals.")
@click.option(
    "--sort",
    type=click.Choice(["catalogue", "name", "samples", "state", "target"]),
    default="catalogue",
    show_default=True,
    help="The order to begin with; target: the least attained first.",
)
@click.option("--filter", "wanted", default="", help="Only KPIs and groups whose names have this text.")
@click.option("--every", "every_s", type=click.FloatRange(0.2, 3600), default=1.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Print all rows once; so it does where there is no terminal.")
@url
@click.pass_context
def top(context: click.Context, /, url: str | None, **options: Any) -> None:
    """Watch the live values in the terminal.

    Keys: q quits, w and W go through the windows, s through the orders, / filters (Enter keeps it, Escape ends it),
    j, k, arrows and pages scroll.

    Example: stream-kpis top --by team --filter response
    """
    from stream_kpis.live.terminal.client import url_of  # noqa: PLC0415
    from stream_kpis.live.terminal.screen import run_top  # noqa: PLC0415

    sys.exit(run_top(url or url_of(settings_of(context)), **options))


@click.command()
@_only
@click.option("--by", default=None, shell_complete=completing.groupings, help="A grouping; without it the totals.")
@click.option(
    "--window", "windows", type=Names(), default=(), shell_complete=completing.windows, help="Only these windows."
)
@click.option("--at", "instants", multiple=True, help="Windows as of an instant; may be given several times.")
@click.option("--period", default=None, help="A day, month, quarter or year instead of a window.")
@_since
@_until
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
        from stream_kpis.stream.commands.past import print_past  # noqa: PLC0415

        del options["url"]
        sys.exit(print_past(settings, **options))
    from stream_kpis.live.terminal.client import print_kpis  # noqa: PLC0415

    del options["instants"]
    sys.exit(print_kpis(settings, **options))
