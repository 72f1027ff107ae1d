"""The command line: argument parsing only. What a command does is in the room that it names."""

import math
import sys
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli_options import as_csv as _csv
from stream_kpis.cli_options import as_json as _json
from stream_kpis.cli_options import one_form as _one_form
from stream_kpis.cli_options import settings_of as _settings
from stream_kpis.cli_receipts import COMMANDS
from stream_kpis.settings import Role, SettingsError

EXIT_DONE, EXIT_CHECK_FAILED, EXIT_USE = 0, 1, 2

_files = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
_mapping = click.option(
    "--mapping", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The mapping file."
)
_rates = click.option(
    "--rates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rates of other currencies: CSV with date, currency, rate.",
)

_COUNT = click.IntRange(min=1)
_PORT = click.IntRange(0, 65_535)
_DAYS_MAX = 3_650


class _Names(click.ParamType):
    """Names separated by commas."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if not isinstance(value, str):
            return tuple(value)  # type: ignore[arg-type] # the default
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        if not names:
            self.fail("it has no name: give one, or leave the option out", param, ctx)
        return names


class _Rate(click.FloatRange):
    """Events per second."""

    def __init__(self) -> None:
        super().__init__(0.001, 100_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        rate: float = super().convert(value, param, ctx)
        if math.isnan(rate):  # which no comparison finds out of range
            self.fail("nan is no rate", param, ctx)
        return rate


class _Commands(click.Group):
    """Commands that help whoever names none, or mistypes one."""

    group_class = type

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(EXIT_USE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            from stream_kpis.kpis.load import nearest  # noqa: PLC0415 - only who mistypes needs it

            hint = nearest(args[0], self.commands) or f"; there are {', '.join(self.commands)}"
            ctx.fail(f"No such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="stream-kpis")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Settings file.")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Live KPIs of customer relations, exact and provable.

    Settings come from --config, STREAM_KPIS_CONFIG and STREAM_KPIS_* variables.
    """
    context.obj = config


@cli.command()
@click.option("--for", "span", default=None, help="End by itself this long after going live, such as 90s or 5m.")
@click.option(
    "--verify",
    "proof",
    is_flag=True,
    help="At the end compare /metrics with the oracle; exit 1 if it differs, or too few KPIs have samples.",
)
@click.option("--events", type=_COUNT, default=600_000, show_default=True, help="Events of history.")
@click.option("--days", type=click.IntRange(1, _DAYS_MAX), default=400, show_default=True, help="Days of history.")
@click.option("--rate", type=_Rate(), default=20.0, show_default=True, help="Live events per second.")
@click.option("--seed", default=1, show_default=True)
@click.option("--workers", type=_COUNT, default=1, show_default=True, help="At most one per partition.")
@click.option(
    "--scenario", default="slow-responses", show_default=True, help="What happens two minutes in; none for nothing."
)
@click.option("--port", default=None, type=_PORT, help="Of the live page; a free one from 9464 on by default.")
@click.option("--audit", is_flag=True, help="Prove what it shows all the while; up to 1 GB of memory.")
@click.pass_context
def demo(context: click.Context, /, **options: Any) -> None:
    """Local Kafka, worker, exporter and a simulated company, until Ctrl-C.

    Example: stream-kpis demo --for 90s --verify
    """
    from stream_kpis.local.demo import Demo  # noqa: PLC0415 - each command loads only what it needs

    sys.exit(Demo(_settings(context), **options).run())


@cli.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), default=None, help="What this process does.")
@click.option("--bootstrap", default=None, help="Kafka servers.")
@click.option("--port", default=None, type=_PORT, help="Of the exporter.")
@click.pass_context
def worker(context: click.Context, /, **given: Any) -> None:
    """Keep the KPIs (worker), show them (exporter), or both (all)."""
    from stream_kpis.proof.prove import in_child  # noqa: PLC0415
    from stream_kpis.stream.roles import run  # noqa: PLC0415

    settings = _settings(context, **given)
    run(settings, prove=in_child(settings))


@cli.command("import")
@_files
@_mapping
@click.option("--bootstrap", default=None, help="Kafka servers.")
@_rates
@click.pass_context
def import_(context: click.Context, /, files: tuple[Path, ...], mapping: Path, **given: Any) -> None:
    """Send history from CSV, JSONL or Parquet files to Kafka, by a mapping.

    With --rates those of the file are sent first, so that its events need not wait for them.

    Example: stream-kpis import orders.csv --mapping orders.yaml
    """
    from stream_kpis.stream.importing import import_files  # noqa: PLC0415

    sys.exit(import_files(_settings(context, **given), files, mapping, with_rates=given["rates"] is not None))


@cli.command()
@_files
@_mapping
@click.option("--at", "instants", multiple=True, help="Values as of an instant; may be given several times.")
@click.option(
    "--period", "periods", multiple=True, help="A day, month, quarter or year: 2026-03-01, 2026-03, 2026Q1, 2026."
)
@click.option("--from", "since", default=None, help="First business day of a period of your own.")
@click.option("--to", "until", default=None, help="The day after its last one.")
@click.option("--kpi", "kpis", type=_Names(), default=(), help="Only these KPIs, separated by commas.")
@click.option("--by", default=None, help="Only this grouping; without it the totals.")
@_rates
@_json
@_csv
@click.pass_context
def evaluate(context: click.Context, /, rates: Path | None, **options: Any) -> None:
    """Compute KPIs from files with the same engine, without Kafka.

    Example: stream-kpis evaluate deals.csv --mapping deals.yaml --period 2017Q1 --kpi deal_win_rate
    """
    from stream_kpis.live.evaluate import print_evaluation  # noqa: PLC0415

    _one_form(options)
    sys.exit(print_evaluation(_settings(context, rates=rates), **options))


@cli.command()
@click.option("--kpi", "kpis", type=_Names(), default=(), help="Only these KPIs, separated by commas.")
@click.option("--by", default=None, help="A grouping; without it the totals.")
@click.option("--window", "windows", type=_Names(), default=(), help="Only these windows.")
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
@_json
@_csv
@click.pass_context
def kpis(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Show the live values of a running exporter, or those of the past.

    The past, an instant or a period, is replayed from the parties in Kafka.

    Example: stream-kpis kpis --period 2026-03 --compare year --kpi revenue_net
    """
    _one_form(options)
    settings, url, instants = _settings(context, bootstrap=bootstrap), options["url"], options["instants"]
    if instants and url:
        raise click.UsageError("--at is answered from Kafka: leave --url out")
    if instants or (url is None and any(options[name] for name in ("period", "since", "until"))):
        from stream_kpis.stream.past import print_past  # noqa: PLC0415

        del options["url"]
        sys.exit(print_past(settings, **options))
    from stream_kpis.live.client import print_kpis  # noqa: PLC0415

    del options["instants"]
    sys.exit(print_kpis(settings, **options))


for command in COMMANDS:
    cli.add_command(command)


@cli.command()
@click.option("--rate", type=_Rate(), default=20.0, show_default=True, help="Events per second.")
@click.option("--parties", type=_COUNT, default=5000, show_default=True)
@click.option(
    "--days", type=click.IntRange(0, _DAYS_MAX), default=0, show_default=True, help="Days of history to send first."
)
@click.option("--events", type=click.IntRange(min=0), default=0, show_default=True, help="Events of that history.")
@click.option("--faults", type=_Names(), default=(), help="duplicate,late,shuffle,poison,misroute or all.")
@click.option("--currencies", is_flag=True, help="Some pay in EUR, GBP and JPY; the rates go to crm.rates, some late.")
@click.option("--seed", default=1, show_default=True)
@click.option("--bootstrap", default=None, help="Kafka servers.")
@click.pass_context
def simulate(context: click.Context, /, bootstrap: str | None, **options: Any) -> None:
    """Send a simulated company's events to Kafka until Ctrl-C."""
    from stream_kpis.local.sender import simulate as run  # noqa: PLC0415

    if bool(options["days"]) != bool(options["events"]):
        raise click.UsageError("--days and --events go together: give both for a history, or neither")
    sys.exit(run(_settings(context, bootstrap=bootstrap), **options))


@cli.command()
@click.option("--events", type=_COUNT, default=100_000, show_default=True, help="Simulated events.")
@click.option("--faults", type=_Names(), default=(), help="duplicate,late,shuffle,poison,misroute or all.")
@click.option("--seed", "seeds", default=1, show_default=True, help="The first seed.")
@click.option("--seeds", "count", type=_COUNT, default=1, show_default=True, help="How many seeds.")
@click.option("--kafka", is_flag=True, help="Through a real local Kafka.")
@click.option("--workers", type=_COUNT, default=None, help="With --kafka: how many workers; 2 by default.")
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON, a line per seed.")
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Compare the engine with an independent recomputation in SQL.

    Example: stream-kpis verify --events 200000 --faults duplicate,late,shuffle,poison
    """
    from stream_kpis.local.verifying import print_verification  # noqa: PLC0415

    if options["workers"] and not options["kafka"]:
        raise click.UsageError("--workers goes with --kafka: give both, or neither")
    sys.exit(print_verification(_settings(context), **options))


@cli.command()
@click.option("--bootstrap", default=None, help="Kafka servers.")
@click.pass_context
def check(context: click.Context, /, bootstrap: str | None) -> None:
    """Check settings, catalogue, cell budget and the connection to Kafka."""
    from stream_kpis.stream.check import print_check  # noqa: PLC0415

    sys.exit(print_check(_settings(context, bootstrap=bootstrap)))


@cli.command()
@click.option("--dry-run", is_flag=True, help="Say what would be built anew, and from what; change nothing.")
@click.option("--bootstrap", default=None, help="Kafka servers.")
@click.pass_context
def rebuild(context: click.Context, /, dry_run: bool, bootstrap: str | None) -> None:
    """Say what a changed catalogue makes the workers build anew.

    A worker builds when it starts; nothing else has to be run.
    """
    from stream_kpis.stream.rebuild import print_outlook  # noqa: PLC0415

    if not dry_run:
        raise click.UsageError("a worker rebuilds by itself when it starts; --dry-run says what it will do")
    sys.exit(print_outlook(_settings(context, bootstrap=bootstrap)))


@cli.command()
def schema() -> None:
    """Write the JSON Schema of the events."""
    import orjson  # noqa: PLC0415

    from stream_kpis.events.schema import json_schema  # noqa: PLC0415

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))


@cli.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
@click.pass_context
def rules(context: click.Context, /, output: Path | None) -> None:
    """Write the Prometheus alerts of the catalogue.

    Example: stream-kpis rules --output deploy/prometheus/rules.yml
    """
    from stream_kpis.monitoring.rules import rules as generated  # noqa: PLC0415
    from stream_kpis.plan import compile_plan  # noqa: PLC0415

    text = generated(compile_plan(_settings(context)).catalogue.kpis)
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(f"cannot write {output}: {error.strerror}", param_hint="'--output'") from error


@cli.command()
@click.option(
    "--definitions",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of definitions*.md, whose worked examples are shown.",
)
@click.pass_context
def docs(context: click.Context, /, definitions: Path | None) -> None:
    """Write the page of all KPIs, those of your own catalogue too.

    Example: stream-kpis docs --definitions docs > docs/kpis.md
    """
    from stream_kpis.monitoring.kpi_page import definitions_of, kpi_page, worked_examples  # noqa: PLC0415
    from stream_kpis.plan import whole_catalogue  # noqa: PLC0415

    examples = worked_examples(definitions_of(definitions) if definitions else ())
    click.echo(kpi_page(whole_catalogue(_settings(context)), examples), nl=False)


@cli.command()
@click.option("--exporter", default=None, help="HOST:PORT of the exporter; by default that of a demo.")
@click.pass_context
def stack(context: click.Context, /, exporter: str | None) -> None:
    """Start Prometheus and Alertmanager beside a running demo, until Ctrl-C."""
    from stream_kpis.local.stack import run_stack  # noqa: PLC0415

    sys.exit(run_stack(_settings(context), exporter))


@cli.group()
def kafka() -> None:
    """A real local Kafka, without Docker or Java."""


@kafka.command("start")
@click.option("--port", type=_PORT, default=None, help="For clients; 9092 by default, 0 takes a free one.")
@click.pass_context
def kafka_start(context: click.Context, /, port: int | None) -> None:
    """Start it; it goes on until `kafka stop`."""
    from stream_kpis.local.kafka import start_detached  # noqa: PLC0415

    running = start_detached(_settings(context).data_dir / "kafka", port, click.echo)
    click.echo(f"Kafka {running.bootstrap} (process {running.pid})")


@kafka.command("stop")
@click.pass_context
def kafka_stop(context: click.Context, /) -> None:
    """Stop it."""
    from stream_kpis.local.kafka import stop  # noqa: PLC0415

    click.echo("stopped" if stop(_settings(context).data_dir / "kafka") else "no local Kafka runs")


@kafka.command("warm")
def kafka_warm() -> None:
    """Train Java's start-up cache once, so that brokers start in a second."""
    from stream_kpis.local.kafka import warm  # noqa: PLC0415

    click.echo(warm(click.echo))


@kafka.command("status")
@click.pass_context
def kafka_status(context: click.Context, /) -> None:
    """Say whether it runs, and where."""
    from stream_kpis.local.kafka import status  # noqa: PLC0415

    running = status(_settings(context).data_dir / "kafka")
    click.echo(f"Kafka {running.bootstrap} (process {running.pid})" if running else "no local Kafka runs")
    sys.exit(EXIT_DONE if running else EXIT_CHECK_FAILED)


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
