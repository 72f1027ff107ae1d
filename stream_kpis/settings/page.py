"""`docs/settings.md`: every setting with its default and what it is for."""

from typing import Any, get_type_hints

import msgspec

from stream_kpis.settings.struct import Settings


def documentation() -> str:
    """The page."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = [
        f"| `{field.name}` | {_shown(field.default)} | {_list(field.default)}"
        f"{hints[field.name].__metadata__[-1].description} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return _PAGE.format(rows="\n".join(rows))


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", (), None) else ""


def _list(default: Any) -> str:
    return "A list. " if isinstance(default, tuple) else ""


_PAGE = """# Settings

Made from `stream_kpis/settings/` by `python -m stream_kpis.settings > docs/settings.md`.

A setting stands in a YAML or TOML file (`--config FILE` or `STREAM_KPIS_CONFIG`), or in the environment as
`STREAM_KPIS_` and its name in capitals (`STREAM_KPIS_BOOTSTRAP`); the environment wins. Settings are
checked at start: a wrong one ends the process with exit code 2 and one line that says what to do.
A list is `['a', 'b']` in a file, `['a']` if it is of one, and `a,b` in the environment.

| Setting | Default | What it is |
|---|---|---|
{rows}
"""
