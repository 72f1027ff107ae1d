"""What the commands share: options, help for who mistypes, and how settings are read."""

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from stream_kpis.settings import Settings, load

EXIT_DONE, EXIT_CHECK_FAILED, EXIT_USE = 0, 1, 2

COUNT = click.IntRange(min=1)
PORT = click.IntRange(0, 65_535)
DAYS_MAX = 3_650

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
files = click.argument("files", nargs=-1, required=True, type=_FILE)
mapping = click.option("--mapping", required=True, type=_FILE, help="The mapping file.")
rates = click.option("--rates", type=_FILE, help="Rates of other currencies: CSV with date, currency, rate.")
bootstrap = click.option("--bootstrap", default=None, help="Kafka servers.")
url = click.option("--url", default=None, help="Of the exporter.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")


class Commands(click.Group):
    """Commands that help whoever names none, or mistypes one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click calls it."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(EXIT_USE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click calls it."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            from stream_kpis.kpis.load import nearest  # noqa: PLC0415 - only who mistypes needs it

            hint = nearest(args[0], self.commands) or f"; there are {', '.join(self.commands)}"
            ctx.fail(f"No such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


class Names(click.ParamType):
    """Names separated by commas."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """As click calls it."""
        if not isinstance(value, str):
            return tuple(value)  # type: ignore[arg-type] # the default
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        if not names:
            self.fail("it has no name: give one, or leave the option out", param, ctx)
        return names


class Address(click.ParamType):
    """An address of HTTP, without a slash at the end."""

    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click calls it."""
        parts = urlsplit(str(value))
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            self.fail(f"{value!r} is no address: write http://HOST:PORT or https://HOST/PATH", param, ctx)
        return str(value).rstrip("/")


class Rate(click.FloatRange):
    """Events per second."""

    def __init__(self) -> None:
        super().__init__(0.001, 100_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click calls it."""
        rate: float = super().convert(value, param, ctx)
        if math.isnan(rate):  # which no comparison finds out of range
            self.fail("nan is no rate", param, ctx)
        return rate


def settings_of(context: click.Context, **given: Any) -> Settings:
    """The settings, of which the command line may give some."""
    return load(context.obj, **given)


def one_form(options: dict[str, Any]) -> None:
    """Refuses JSON and CSV at once."""
    if options["as_json"] and options["as_csv"]:
        raise click.UsageError("--json and --csv exclude each other: give one of them")
