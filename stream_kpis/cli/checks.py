"""The commands that say whether all is right: argument parsing only."""

import sys
from typing import Any

import click

from stream_kpis.cli.options import COUNT, Names, bootstrap, settings_of


@click.command()
@click.option("--events", type=COUNT, default=100_000, show_default=True, help="Simulated events.")
@click.option("--faults", type=Names(), default=(), help="duplicate,late,shuffle,poison,misroute,rates or all.")
@click.option("--seed", "seeds", default=1, show_default=True, help="The first seed.")
@click.option("--seeds", "count", type=COUNT, default=1, show_default=True, help="How many seeds.")
@click.option("--kafka", is_flag=True, help="Through a real local Kafka.")
@click.option("--workers", type=COUNT, default=None, help="With --kafka: how many workers; 2 by default.")
@click.option("--all", "every", is_flag=True, help="Print a line for every KPI, not only for those that differ.")
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON, a line per seed: every KPI.")
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Compare the engine with an independent recomputation in SQL.

    Of every KPI all values are compared: over all windows, of all groups, and what operators make of them.

    Example: stream-kpis verify --all --events 200000 --faults all
    """
    from stream_kpis.local.verifying import print_verification  # noqa: PLC0415

    if options["every"] and options["json_wanted"]:
        raise click.UsageError("--json has every KPI already: leave --all out")
    if options["workers"] and not options["kafka"]:
        raise click.UsageError("--workers goes with --kafka: give both, or neither")
    sys.exit(print_verification(settings_of(context), **options))


@click.command()
@click.option("--days", "budget_days", type=COUNT, default=None, help="Of history; else setting budget_days.")
@click.option("--facts", "budget_facts", type=COUNT, default=None, help="Per measure and day; else budget_facts.")
@click.option("--groups", "budget_groups", multiple=True, metavar="DIM=N", help="Of a dimension; else budget_groups.")
@bootstrap
@click.pass_context
def check(context: click.Context, /, budget_groups: tuple[str, ...], **given: Any) -> None:
    """Check settings, catalogue, cell budget and the connection to Kafka.

    Example: stream-kpis check --days 730 --facts 2000 --groups owner=80
    """
    from stream_kpis.stream.commands.check import print_check  # noqa: PLC0415

    sys.exit(print_check(settings_of(context, budget_groups=budget_groups or None, **given)))


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be built anew, and from what; change nothing.")
@bootstrap
@click.pass_context
def rebuild(context: click.Context, /, dry_run: bool, bootstrap: str | None) -> None:
    """Say what a changed catalogue makes the workers build anew.

    A worker builds when it starts; nothing else has to be run.
    """
    from stream_kpis.stream.commands.rebuild import print_outlook  # noqa: PLC0415

    if not dry_run:
        raise click.UsageError("a worker rebuilds by itself when it starts; --dry-run says what it will do")
    sys.exit(print_outlook(settings_of(context, bootstrap=bootstrap)))
