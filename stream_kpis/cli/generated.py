"""The commands that write what is generated: argument parsing only."""

import sys
from math import isfinite
from pathlib import Path
from typing import Any

import click

from stream_kpis.cli.options import Address, as_json, bootstrap, settings_of


class Span(click.ParamType):
    """A duration, as ms."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As click calls it."""
        from stream_kpis.kpis.durations import duration_ms  # noqa: PLC0415

        try:
            return value if isinstance(value, int) else duration_ms(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Threshold(click.ParamType):
    """An alert and a number."""

    name = "alert=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """As click calls it."""
        alert, _, number = value.rpartition("=")
        try:
            than = float(number)
        except ValueError:
            than = float("nan")
        if not alert or not isfinite(than):
            self.fail(f"{value!r} is no threshold: write one such as HighChurn=0.08", param, ctx)
        return alert, than


@click.command()
def schema() -> None:
    """Write the JSON Schema of the events."""
    import orjson  # noqa: PLC0415

    from stream_kpis.events.schema import json_schema  # noqa: PLC0415

    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2))


@click.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
@click.option(
    "--alerts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Alerts of your own, beside the built-in ones or instead of those of the same name.",
)
@click.option("--page", type=Address(), default=None, help="Address of the live page, for links.")
@click.option("--alertmanager", type=Address(), default=None, help="Address of Alertmanager, for links.")
@click.option("--runbooks", default=None, help="Address or path of the runbooks, for links.")
@click.option("--kubernetes", is_flag=True, help="As a PrometheusRule for the Prometheus operator.")
@click.option(
    "--replay",
    "span_ms",
    type=Span(),
    help="Instead: how often they would have called in a time such as 90d until now.",
)
@click.option(
    "--step", "step_ms", type=Span(), default="5m", show_default=True, help="How often a replay evaluates them."
)
@click.option(
    "--threshold",
    "proposed",
    type=Threshold(),
    multiple=True,
    help="Another threshold to replay, in the alert's unit, such as HighChurn=0.08; without any, those that call at"
    " most once a week.",
)
@bootstrap
@as_json
@click.pass_context
def rules(
    context: click.Context,
    /,
    *,
    output: Path | None,
    alerts: tuple[Path, ...],
    kubernetes: bool,
    span_ms: int | None,
    step_ms: int,
    proposed: tuple[tuple[str, float], ...],
    bootstrap: str | None,
    as_json: bool,
    **links: str | None,
) -> None:
    """Write the Prometheus alerts of catalogue and goals, or replay them.

    A replay reads the parties in Kafka. It shows of each alert on a KPI, at
    today's threshold and at another one, how often it would have called a week,
    how often at night, and for how long: what a change costs before it is
    deployed.

    Example: stream-kpis rules --output deploy/prometheus/rules.yml

    Example: stream-kpis rules --replay 90d --threshold HighChurn=0.08
    """
    if span_ms is not None:
        from stream_kpis.stream.commands.replaying import print_costs  # noqa: PLC0415

        if output or kubernetes:
            raise click.UsageError("--replay prints what alerts cost: leave --output and --kubernetes out")
        sys.exit(
            print_costs(
                settings_of(context, bootstrap=bootstrap),
                span_ms=span_ms, step_ms=step_ms, alerts=alerts, proposed=dict(proposed), as_json=as_json,
            )
        )  # fmt: skip
    if proposed or as_json:
        raise click.UsageError("--threshold and --json belong to --replay: say how far back, --replay 90d")
    from stream_kpis.engine.tiles import Calendar  # noqa: PLC0415
    from stream_kpis.live.model.pseudonyms import Pseudonyms  # noqa: PLC0415
    from stream_kpis.monitoring.alerts import Whole  # noqa: PLC0415
    from stream_kpis.monitoring.rules import TIMING, Links, prometheus_rule  # noqa: PLC0415
    from stream_kpis.monitoring.rules import rules as generated  # noqa: PLC0415
    from stream_kpis.plan import compile_plan, goals_of  # noqa: PLC0415

    settings = settings_of(context)
    plan = compile_plan(settings)
    given = Links(**{name: address.rstrip("/") for name, address in links.items() if address})
    targets = goals_of(settings, plan).targets
    calendar, names = Calendar(settings.zone), Pseudonyms.of(settings)
    whole = Whole(plan.catalogue.kpis, settings.currency, calendar, plan.calendars.versions, names)
    text = generated(whole, TIMING, given, targets, alerts)
    text = prometheus_rule(text) if kubernetes else text
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(f"cannot write {output}: {error.strerror}", param_hint="'--output'") from error


@click.command()
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder that they go to."
)
@click.pass_context
def dashboards(context: click.Context, /, output: Path) -> None:
    """Write the Grafana dashboards of the catalogue.

    Example: stream-kpis dashboards --output deploy/grafana/dashboards
    """
    from stream_kpis.monitoring.dashboards import dashboards as generated  # noqa: PLC0415
    from stream_kpis.plan import compile_plan  # noqa: PLC0415

    settings = settings_of(context)
    made = generated(compile_plan(settings).catalogue.kpis, settings.currency)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (output / name).write_text(text, encoding="utf-8")
    click.echo(f"{len(made)} dashboards in {output}")


@click.command()
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
    click.echo(kpi_page(whole_catalogue(settings_of(context)), examples), nl=False)
