"""The commands that say where numbers come from: argument parsing only."""

import sys
from typing import Any

import click

from stream_kpis.cli import completing
from stream_kpis.cli.options import as_csv, as_json, bootstrap, one_form, settings_of, url


@click.command()
@click.argument("kpi", shell_complete=completing.kpis)
@click.option(
    "--window",
    default=None,
    shell_complete=completing.windows,
    help="One of the KPI's windows; by default its only one.",
)
@click.option("--by", "group", default="", metavar="DIM=VALUE", help="A group instead of the total.")
@click.option("--at", default=None, help="As of an instant of the past, replayed from the parties in Kafka.")
@click.option("--period", default=None, help="A day, month, quarter or year, of KPIs that have such a window.")
@click.option("--entities", default=0, type=click.IntRange(0, 1_000), help="Name so many of the entities behind it.")
@click.option("--prove", is_flag=True, help="Recompute it from Kafka in SQL; exit 1 if it differs.")
@url
@click.option("--bootstrap", default=None, help="Kafka servers, for the past, --entities and --prove.")
@as_json
@as_csv
@click.pass_context
def explain(
    context: click.Context, /, bootstrap: str | None, window: str | None, at: str | None, period: str | None,
    url: str | None, **options: Any,
) -> None:  # fmt: skip
    """Show the receipt of one value: where the number comes from.

    Example: stream-kpis explain deal_win_rate --window 90d --by owner=rep-01
    """
    from stream_kpis.proof.explaining import Wanted, print_receipt  # noqa: PLC0415 - each command loads only what it needs

    one_form(options)
    if period is not None and (window or at):
        raise click.UsageError("--period says both --window and --at: give it, or them")
    if (at or period) and url:
        raise click.UsageError("the past is answered from Kafka: leave --url out")
    forms = {"json_wanted": options.pop("as_json"), "as_csv": options.pop("as_csv")}
    wanted = Wanted(window=window or "", **options)
    sys.exit(print_receipt(settings_of(context, bootstrap=bootstrap), wanted, at=at, period=period, url=url, **forms))


@click.command()
@click.option("--interval", "interval_s", default=30.0, show_default=True, help="Seconds from batch to batch.")
@click.option("--share", default=0.2, show_default=True, type=click.FloatRange(0.01, 1), help="Of one core, at most.")
@click.option("--rounds", default=None, type=click.IntRange(min=1), help="End after so many; exit 1 on a difference.")
@click.option("--seed", default=1, show_default=True, help="Of the order and the windows.")
@click.option("--port", default=9465, show_default=True, type=click.IntRange(0, 65_535), help="Of its /metrics.")
@url
@bootstrap
@click.pass_context
def audit(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Prove what a running exporter shows, KPI by KPI, until Ctrl-C.

    A round proves every KPI once, over a window by chance; how long that takes is said at the start.
    """
    from stream_kpis.proof.audit import run_audit  # noqa: PLC0415

    sys.exit(run_audit(settings_of(context, bootstrap=bootstrap), **options))


@click.command()
@click.argument("party")
@click.option("--offsets", is_flag=True, help="Read the topics too, for the partition and offset of each event.")
@bootstrap
@as_json
@as_csv
@click.pass_context
def party(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show one party: its events in order, the facts, and what they count in.

    Example: stream-kpis party customer-00042 --offsets
    """
    from stream_kpis.stream.commands.looking import print_party  # noqa: PLC0415

    one_form(options)
    sys.exit(print_party(settings_of(context, bootstrap=bootstrap), **options))


@click.command()
@click.option("--by", type=click.Choice(["owner", "team"]), default=None, help="How much for whom, instead of each.")
@bootstrap
@as_json
@as_csv
@click.pass_context
def attention(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show what needs someone now, the oldest first.

    Unanswered tickets, stalled deals and uncontacted leads, all of them.
    """
    from stream_kpis.stream.commands.looking import print_attention  # noqa: PLC0415

    one_form(options)
    sys.exit(print_attention(settings_of(context, bootstrap=bootstrap), **options))


@click.command()
@click.option("--from", "since", required=True, help="First business day.")
@click.option("--to", "until", required=True, help="The day after the last one.")
@url
@bootstrap
@as_json
@as_csv
@click.pass_context
def report(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Hand over a shift: targets missed, biggest changes, what is open.

    Values are as known now, as `kpis --from --to --url` shows them: what came later and corrects them is in. What was
    known when the days ended `kpis --from --to` says, without --url.

    Example: stream-kpis report --from 2026-03-02 --to 2026-03-03
    """
    from stream_kpis.stream.commands.looking import print_report  # noqa: PLC0415

    one_form(options)
    sys.exit(print_report(settings_of(context, bootstrap=bootstrap), **options))
