"""The commands that write what is generated: argument parsing only."""

from pathlib import Path

import click

from stream_kpis.cli.options import Address, settings_of


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
@click.pass_context
def rules(
    context: click.Context, /, output: Path | None, alerts: tuple[Path, ...], kubernetes: bool, **links: str | None
) -> None:
    """Write the Prometheus alerts of catalogue and goals.

    Example: stream-kpis rules --output deploy/prometheus/rules.yml
    """
    from stream_kpis.engine.tiles import Calendar  # noqa: PLC0415
    from stream_kpis.live.pseudonyms import Pseudonyms  # noqa: PLC0415
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
