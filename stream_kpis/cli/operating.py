"""The commands for whoever runs a deployment: argument parsing only."""

import sys
from pathlib import Path

import click

from stream_kpis.cli.options import Commands, bootstrap, settings_of
from stream_kpis.settings import Role


@click.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), default=None, help="What the process does.")
@click.pass_context
def health(context: click.Context, /, role: str | None) -> None:
    """Say whether the worker and exporter of this machine are alive; exit 1 if not.

    Of a worker, by the setting health_file; of an exporter, by whether it has values that are kept up.
    """
    from stream_kpis.stream.health import print_health  # noqa: PLC0415 - each command loads only what it needs

    sys.exit(print_health(settings_of(context, role=role)))


@click.group(cls=Commands)
def state() -> None:
    """What a deployment has counted, out of Kafka into a file and back."""


@state.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@bootstrap
@click.pass_context
def export_(context: click.Context, /, file: Path, bootstrap: str | None) -> None:
    """Write the state of all shards to a file; workers may go on.

    Example: stream-kpis state export backup.zip
    """
    from stream_kpis.stream.commands.state import export_state  # noqa: PLC0415

    sys.exit(export_state(settings_of(context, bootstrap=bootstrap), file))


@state.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--same-topics", is_flag=True, help="Go on at the positions of the file, in the topics it was made of.")
@bootstrap
@click.pass_context
def import_(context: click.Context, /, file: Path, same_topics: bool, bootstrap: str | None) -> None:
    """Fill a deployment that has no state, before its workers start.

    Without --same-topics they read its topics from their beginnings; what is counted already is not counted again.

    Example: stream-kpis --config restored.yaml state import backup.zip
    """
    from stream_kpis.stream.commands.state import import_state  # noqa: PLC0415

    sys.exit(import_state(settings_of(context, bootstrap=bootstrap), file, same_topics=same_topics))
