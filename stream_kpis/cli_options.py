"""What the commands share: options, and how settings are read."""

from typing import Any

import click

from stream_kpis.settings import Settings, load

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")


def settings_of(context: click.Context, **given: Any) -> Settings:
    """The settings, of which the command line may give some."""
    return load(context.obj, **given)


def one_form(options: dict[str, Any]) -> None:
    """Refuses JSON and CSV at once."""
    if options["as_json"] and options["as_csv"]:
        raise click.UsageError("--json and --csv exclude each other: give one of them")
