"""The command line: argument parsing only, a module per family of commands. What one does is in the room it names."""

import sys
from pathlib import Path

import click

from stream_kpis.cli.broker import kafka
from stream_kpis.cli.checks import check, rebuild, verify
from stream_kpis.cli.completing import completion
from stream_kpis.cli.generated import dashboards, docs, rules, schema
from stream_kpis.cli.operating import health, state
from stream_kpis.cli.options import EXIT_CHECK_FAILED, EXIT_USE, Commands
from stream_kpis.cli.receipts import attention, audit, explain, party, report
from stream_kpis.cli.running import demo, import_, simulate, stack, worker
from stream_kpis.cli.values import evaluate, kpis, top
from stream_kpis.settings import SettingsError

COMMANDS = (
    *(demo, worker, import_, evaluate, kpis, top, explain, party, audit, attention, report),
    *(simulate, verify, check, rebuild, schema, rules, dashboards, docs, stack, kafka),
    *(state, health, completion),
)
"""In the order of their page."""


@click.group(
    cls=Commands,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(package_name="stream-kpis")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings file.")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Live KPIs of customer relations, exact and provable.

    Settings come from --config, STREAM_KPIS_CONFIG and STREAM_KPIS_* variables.
    """
    context.obj = config


def main() -> None:
    """The entry point: errors are one line, and the exit code says whose fault it was."""
    try:
        sys.exit(cli(standalone_mode=False))
    except (SettingsError, ValueError) as error:
        _fail(str(error), EXIT_USE)
    except click.exceptions.Abort:
        _fail("interrupted", 130)
    except click.ClickException as error:
        _fail(error.format_message(), EXIT_USE)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), EXIT_CHECK_FAILED)
    except RuntimeError as error:
        _fail(str(error), EXIT_CHECK_FAILED)


def _fail(line: str, code: int) -> None:
    from stream_kpis.events.history.document import printable  # noqa: PLC0415 - only who fails needs it

    click.echo(f"stream-kpis: {printable(' '.join(line.split()))}", err=True)
    sys.exit(code)
