"""Shell completion: the script that a shell reads, and what it offers of the deployment's catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream_kpis.kpis.schema import Kpi

_PROGRAM = "stream-kpis"
_VARIABLE = "_STREAM_KPIS_COMPLETE"
"""What click looks for in the environment of that program."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Write the completion script of a shell.

    It completes commands, options, and the KPIs, windows and groupings of the settings' catalogue.

    Example: source <(stream-kpis completion bash)
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has each of the choice
    click.echo(kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())


def kpis(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The KPIs with their titles; of several separated by commas, those before the last stay."""
    before, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(before + comma + name, help=kpi.title)
        for name, kpi in _catalogue(ctx).items()
        if name.startswith(begun)
    ]


def windows(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The windows of the KPIs already named, else all that there are."""
    from stream_kpis.kpis.schema import WINDOWS  # noqa: PLC0415 - each command loads only what it needs

    some = {window for kpi in _named(ctx) for window in kpi.windows}
    before, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(before + comma + window) for window in WINDOWS if window in some and window.startswith(begun)
    ]


def groupings(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The groupings of the KPIs already named, else all that there are."""
    some = {grouping for kpi in _named(ctx) for grouping in kpi.by}
    return [CompletionItem(grouping) for grouping in sorted(some) if grouping.startswith(incomplete)]


def _named(ctx: click.Context) -> Iterable[Kpi]:
    catalogue = _catalogue(ctx)
    # An argument before an option that has no value yet is among what click did not parse.
    names = (*(ctx.params.get("kpis") or ()), *ctx.args)
    return [catalogue[name] for name in names if name in catalogue] or catalogue.values()


def _catalogue(ctx: click.Context) -> Mapping[str, Kpi]:
    """Without a word if the settings are wrong: the command itself will say it."""
    from stream_kpis.plan import whole_catalogue  # noqa: PLC0415
    from stream_kpis.settings import SettingsError, load  # noqa: PLC0415

    try:
        return whole_catalogue(load(ctx.find_root().params.get("config"))).kpis
    except SettingsError:
        return {}
