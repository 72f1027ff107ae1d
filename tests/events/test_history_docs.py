"""``docs/history.md`` shows what works, and leaves nothing out."""

import re
from pathlib import Path

from stream_kpis.events.history import Miss, mapping, trees, values
from tests.events.builders import imported

PAGE = (Path(__file__).parents[2] / "docs" / "history.md").read_text()


def test_the_mapping_on_the_page_works(tmp_path: Path) -> None:
    """With files as it describes them."""
    example = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    deals = "account,deal,opened,agent,product,stage,closed,value\n,d1,2024-01-31,ann,GTXPro,Won,2024-02-01,5\n"
    (tmp_path / "teams.csv").write_text("agent,region\nann,North\n")
    history = imported(tmp_path, example, deals_csv=deals)
    assert [made[:2] for made in history] == [
        ("deal.created", "unknown account d1"),
        ("deal.won", "unknown account d1"),
    ]


def test_every_key_format_function_unit_and_reason_is_on_the_page() -> None:
    """An undocumented word fails."""
    words = {
        *mapping.TOP,
        *mapping.FILE,
        *mapping.EVENT,
        *trees.FUNCTIONS,
        *values.NAMED_FORMATS,
        *map(str, Miss),
        *("ms", "s", "m", "h", "d", "w"),
    }
    assert not {word for word in words if not re.search(rf"[`: ]{word}\b", PAGE)}
