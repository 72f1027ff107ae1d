"""`docs/cli.md`, made from the command line itself: `python -m stream_kpis.manual > docs/cli.md`."""

import sys
from collections.abc import Iterator

import click

from stream_kpis.cli import cli

_WIDTH = 80
_PROGRAM = "stream-kpis"


def manual() -> str:
    """The page: every command with its help, and what holds for all of them."""
    top = click.Context(cli, info_name=_PROGRAM, terminal_width=_WIDTH, **cli.context_settings)
    parts = [_PAGE]
    for context in _commands(cli, top):
        text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        parts.append(f"## {context.command_path}\n\n```\n{text}\n```\n")
    return "\n".join(parts)


def _commands(group: click.Group, above: click.Context) -> Iterator[click.Context]:
    for name, command in group.commands.items():
        context = click.Context(command, parent=above, info_name=name)
        if isinstance(command, click.Group):
            yield from _commands(command, context)
        else:
            yield context


_PAGE = """# Commands

Made from `stream_kpis/cli/` and `stream_kpis/manual.py` by `python -m stream_kpis.manual > docs/cli.md`.

Settings come from `--config FILE` before the command, `STREAM_KPIS_CONFIG` and `STREAM_KPIS_*` variables
([settings](settings.md)). Exit codes: 0 done, 1 a check failed or something does not answer, 2 wrong use or
settings; a worker or exporter that cannot go on ends with 75 and is to be started again. An error is one line that
says what to do.

`verify` says whether engine and oracle are equal, value by value; that few KPIs have enough samples it says beside, and
`demo --verify` takes it for a failed check. The company that it simulates is paid in six currencies; the fault `rates`
befalls what these are worth (see [definitions-money](definitions-money.md), *Without a rate*).

`source <(stream-kpis completion bash)` in the shell's start file makes Tab complete commands, options, and the names of
KPIs, windows and groupings, also for zsh and, with `stream-kpis completion fish | source`, fish.

When Kafka goes away, a worker (role `worker` or `all`) ends with 75 within half a minute. An exporter alone goes on
showing its values, as stale, until Kafka is back. SIGTERM ends either within 12 s: a worker with 0 after a last
flush, or with 75 if that cannot be written.

## Values

`evaluate` and `kpis` print a table that fits 80 columns, with `--json` or `--csv` instead. What became of the rows
of files is reported on standard error. JSON is `{"values": [...], ...}`; a value is

```json
{"kpi": "deal_win_rate", "title": "Deal win rate", "period": "2017Q1", "from": "2017-01-01T00:00:00.000Z",
 "to": "2017-04-01T00:00:00.000Z", "by": {"region": "West"}, "value": 0.5, "unit": "ratio", "samples": 2,
 "numerator": 1, "denominator": 2, "exact": [1, 2], "lower": null, "upper": null, "state": "low_sample"}
```

It has `window` instead of `period` where no period was asked for, and `at` as of an instant. Units are the KPI's:
seconds, ratios from 0 to 1, the reporting currency. Durations also have `quantiles`, `buckets` (seconds, count at
or below) and `sum_ms`. `exact` are the integers in state (money in micro-units). States: `ok`, `low_sample`,
`immature`, `stale`, `no_data`. The CSV has a column for each of these but `title`, `exact`, `quantiles`, `buckets`
and `sum_ms`; the group's names are in `by` and `group`, the quantiles in `p50`, `p90`, `p99`.

What [operators](definitions-operators.md) make of a KPI stands beside the values, as `"operators": [...]` in
`/api/kpis`; such a row has `operator` and, for a change, `against`. `kpis --compare previous` or `year` prints the
changes instead of the values, also as CSV: numerator and denominator are the value and the one before. As of the past
they stand after the values, in JSON as `"operators"`.

Where no row of the files gives an event there are no values, unless an instant or a period is asked for; if there were
rows, the exit code is 1.

## Instants and periods

- `--at T` (RFC 3339 with a zone, rounded up to 10 s, or a day: its start in the business zone): all windows as of
  T. Only events before T are known. Without `--at` and without a period, `evaluate` takes the first multiple of 10
  s after the last event.
- `--period P` or `--from A --to B`: business days, B not included, instead of windows.
- A period is as it was known at its end: a refund in April does not change March. One that goes on ends now.
- `kpis` replays the past from the parties in Kafka ([receipts](receipts.md#the-past)).
- `--at T --compare previous` or `year`: the changes as they were shown at T. A month, quarter or year is compared with
  as many days of the one before, or of a year before; any other span with as many days before it, or 364 days earlier
  (365 days: 365 earlier). Both values are as known at their own ends. Of a period that goes on only the closed days
  are compared.
- `kpis --period P --url U` asks a running exporter instead, which is quick: it says what it knows of the period now,
  up to kpi-now. Numbers of distinct parties, and what waits, are known of a period only if nothing of their kind came
  after it; else their state is `no_data`.
"""

if __name__ == "__main__":
    sys.stdout.write(manual())
