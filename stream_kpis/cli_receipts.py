"""The commands that say where numbers come from: argument parsing only."""

import sys
from typing import Any

import click

from stream_kpis.cli_options import as_csv, as_json, one_form, settings_of


@click.command()
@click.argument("kpi")
@click.option("--window", required=True, help="One of the KPI's windows.")
@click.option("--by", "group", default="", metavar="DIM=VALUE", help="A group instead of the total.")
@click.option("--entities", default=0, type=click.IntRange(0, 1_000), help="Name so many of the entities behind it.")
@click.option("--prove", is_flag=True, help="Recompute it from Kafka in SQL; exit 1 if it differs.")
@click.option("--url", default=None, help="Of the exporter.")
@click.option("--bootstrap", default=None, help="Kafka servers, for --entities and --prove.")
@as_json
@as_csv
@click.pass_context
def explain(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show the receipt of one value: where the number comes from.

    Example: stream-kpis explain deal_win_rate --window 90d --by owner=rep-01
    """
    from stream_kpis.proof.explaining import print_receipt  # noqa: PLC0415 - each command loads only what it needs

    one_form(options)
    sys.exit(print_receipt(settings_of(context, bootstrap=bootstrap), **options))


@click.command()
@click.argument("party")
@click.option("--offsets", is_flag=True, help="Read the topics too, for the partition and offset of each event.")
@click.option("--bootstrap", default=None, help="Kafka servers.")
@as_json
@as_csv
@click.pass_context
def party(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show one party: its events in order, the facts, and what they count in.

    Example: stream-kpis party customer-00042 --offsets
    """
    from stream_kpis.stream.looking import print_party  # noqa: PLC0415

    one_form(options)
    sys.exit(print_party(settings_of(context, bootstrap=bootstrap), **options))


COMMANDS = (explain, party)
