"""What ``import`` says beside the counts; what it sends is tested with a broker."""

from pathlib import Path

import pytest

from stream_kpis.settings import Settings
from stream_kpis.stream.commands import importing

MAPPING = """\
source: shop
files:
  orders.jsonl:
    party: customer
    events:
      - {type: order.placed, id: order, time: date, data: {order_id: order, amount: amount, channel: chanel}}
"""
ROW = '{"customer": "ann", "order": "o1", "date": "2024-01-01", "amount": 1, "channel": "web"}'


def test_a_column_that_no_row_has_is_said_apart_from_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, where whoever reads the counts by a program does not meet it."""

    async def send(_settings, history, *_) -> int:
        return len(list(history)) - 1

    monkeypatch.setattr(importing, "send", send)
    (tmp_path / "orders.jsonl").write_text(ROW)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    assert importing.import_files(Settings(), [tmp_path / "orders.jsonl"], tmp_path / "mapping.yaml") == 0
    printed = capsys.readouterr()
    assert printed.out == "1 rows, 1 events: 1 order.placed\n"
    said = (
        "mapping.yaml:6: files.orders.jsonl.events[1].data.channel: no row of orders.jsonl has 'chanel'; did you mean"
    )
    assert f"{said} 'channel'?\n" in printed.err
