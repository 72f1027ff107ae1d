"""Every metric is documented, and the page is what the catalogue says."""

import re
from pathlib import Path

from stream_kpis.kpis.load import built_in
from stream_kpis.live.prometheus.exposition import Format
from stream_kpis.live.prometheus.metrics import Exposition
from stream_kpis.live.prometheus.operator_metrics import OPERATORS
from stream_kpis.live.prometheus.pipeline import Pipeline
from stream_kpis.monitoring.docs import metrics_page
from tests.live import fakes

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_committed_page_is_that_of_the_catalogue() -> None:
    assert PAGE.read_text("utf-8") == metrics_page(built_in().kpis), (
        "write it anew: python -m stream_kpis.monitoring.docs > docs/metrics.md"
    )


def test_every_metric_is_documented() -> None:
    text = Exposition(fakes.KPIS).render(fakes.snapshot(), Pipeline("1", 0, 0, 0, 0, 0, 0, 0), Format.TEXT).decode()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    documented = set(re.findall(r"`(\w+)(?:\{[^}]*\})?`", PAGE.read_text("utf-8")))
    suffixes = re.compile(r"_(samples|numerator|denominator|lower|upper|bucket|gcount|gsum)$")
    unknown = {name for name in names if name not in documented and suffixes.sub("", name) not in documented}
    ways = re.findall(r"^\| `\w+` \| `(crm_\S+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(ways) == len(OPERATORS)
    pattern = "|".join(way.replace("_<unit>", r"(_usd|_seconds|_ratio)?").replace("<id>", r"\w+") for way in ways)
    operators = {name for name in unknown if re.fullmatch(pattern, suffixes.sub("", name))}
    assert unknown == operators
