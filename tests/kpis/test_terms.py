"""Terms as they are written: a file that is refused by one line, and what it leaves out is as usual."""

import re
from pathlib import Path

import pytest

from stream_kpis.kpis.lines import CatalogueError
from stream_kpis.kpis.terms import DAYS_MAX, ENTRIES_MAX, USUAL, load_terms

GOOD = """\
sla:
  urgent: 90m
  p1: 4h
  otherwise: 3d
stages:
  default:
    demo: 0
    offer: 0.25
    signed: 1
  renewal: {call: 0.000001}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good one."""
    (tmp_path / "t.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path / "t.yaml"


def test_a_good_file_is_read(file: Path) -> None:
    """Stages in their order."""
    terms = load_terms(file)
    assert terms.sla_ms == {"urgent": 5_400_000, "p1": 14_400_000}
    assert [terms.allowed_ms(priority) for priority in ("p1", "otherwise", "low", None)] == [
        14_400_000, *[259_200_000] * 3
    ]  # fmt: skip
    assert [list(stages.items()) for stages in terms.stages.values()] == [
        [("demo", 0), ("offer", 250_000), ("signed", 1_000_000)], [("call", 1)]
    ]  # fmt: skip
    assert terms.chance("default", "demo") == 0
    assert [
        terms.chance(*at) for at in (("default", "call"), ("partner", "demo"), (None, "demo"), ("default", None))
    ] == [None] * 4


@pytest.mark.parametrize(("left_out", "usual"), [("sla", ("stages",)), ("stages", ("sla",)), ("", ())])
def test_what_a_file_leaves_out_is_as_usual(file: Path, left_out: str, usual: tuple[str, ...]) -> None:
    """Section by section."""
    sections = {"sla": GOOD[: GOOD.index("stages")], "stages": GOOD[GOOD.index("stages") :]}
    file.write_text("".join(sections[name] for name in usual), encoding="utf-8")
    terms = load_terms(file)
    if left_out != "stages":
        assert (terms.sla_ms == USUAL.sla_ms) == ("sla" not in usual)
    if left_out != "sla":
        assert (terms.stages == USUAL.stages) == ("stages" not in usual)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stages:", "stage:", "t.yaml:5: unknown section 'stage' (did you mean stages?)"),
        ("otherwise", "otherwize", "t.yaml:4: sla.otherwize: 'otherwise' is missing (did you mean otherwise?)"),
        ("  otherwise: 3d\n", "", "t.yaml:1: sla: 'otherwise' is missing: the time of any other priority"),
        ("90m", "90 min", "t.yaml:2: sla.urgent: a duration such as 30m, 4h or 3d, up to 3650d, is expected here, not"),
        ("90m", "0h", "t.yaml:2: sla.urgent: a duration"),
        ("90m", f"{DAYS_MAX + 1}d", "t.yaml:2: sla.urgent: a duration"),
        ("90m", "[4h]", "t.yaml:2: sla.urgent: a duration"),
        ("p1:", "urgent:", "t.yaml:3: 'urgent' is there already, in line 2"),
        ("0.25", "25%", "t.yaml:8: stages.default.offer: a probability from 0 to 1 such as 0.25, with at most six"),
        ("0.25", "1.1", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "-0.1", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", ".nan", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "nan", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "0.1234567", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "1.000001", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", f"0.25{30 * '0'}", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", f"0.{32 * '1'}", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "0.1_0", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "1e999999999", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "1e-999999999", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "1e-1", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "1.", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "' 0.25'", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "\u0660.\u0662", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("0.25", "[0.25]", "t.yaml:8: stages.default.offer: a probability from 0 to 1"),
        ("{call: 0.000001}", "{}", f"t.yaml:10: stages.renewal: 1 to {ENTRIES_MAX} stages are expected here"),
        ("{call: 0.000001}", "0.5", "t.yaml:10: stages.renewal: 1 to 100 stages are expected here"),
        ("{call: 0.000001}", "{'': 1}", "t.yaml:10: stages.renewal: a name has 1 to 256 bytes"),
        (GOOD, "stages:\n", f"t.yaml:1: stages: 1 to {ENTRIES_MAX} pipelines are expected here"),
        (GOOD, "sla: {", "t.yaml:1: not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_one_line(file: Path, old: str, new: str, message: str) -> None:
    """File, line, field, mistake and nearest word."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogueError, match=f"^{re.escape(message)}") as refused:
        load_terms(file)
    assert "\n" not in str(refused.value)


def test_the_example_of_the_docs_is_a_good_file(file: Path) -> None:
    """And says what is usual, as it says."""
    text = Path(__file__).parents[2].joinpath("docs/terms.md").read_text(encoding="utf-8")
    file.write_text(text.split("```")[1].removeprefix("yaml"), encoding="utf-8")
    terms = load_terms(file)
    assert (terms.sla_ms, terms.otherwise_ms) == (USUAL.sla_ms, USUAL.otherwise_ms)
    assert terms.stages["default"] == USUAL.stages["default"] == USUAL.stages["partner"]


def test_there_is_an_end_to_stages(file: Path) -> None:
    many = "".join(f"    s{n}: 0.1\n" for n in range(ENTRIES_MAX + 1))
    file.write_text(f"stages:\n  default:\n{many}", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"t.yaml:2: stages.default: 1 to 100 stages"):
        load_terms(file)


def test_a_digest_is_of_one_section_and_of_the_order_of_its_stages(file: Path) -> None:
    """So that a change builds anew what rests on it alone."""
    before = load_terms(file)
    file.write_text(GOOD.replace("90m", "91m"), encoding="utf-8")
    other_time = load_terms(file)
    assert (other_time.digest("sla") == before.digest("sla")) is False
    assert other_time.digest("stages") == before.digest("stages")
    file.write_text(GOOD.replace("demo: 0\n    offer: 0.25", "offer: 0.25\n    demo: 0"), encoding="utf-8")
    assert load_terms(file).digest("stages") != before.digest("stages")
    assert load_terms(file).digest("sla") == before.digest("sla")
