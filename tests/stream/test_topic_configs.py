"""Topics made by hand are refused where they would lose data, and complained about where they are weak."""

import pytest

from stream_kpis.stream.topic_configs import CHANGELOG, CONTROL, RECORDS, Topic, refusal, warnings

RIGHT = {"max.message.bytes": "8388608", "min.insync.replicas": "2", "delete.retention.ms": "86400000"}
COMPACTED = {**RIGHT, "cleanup.policy": "compact"}
DELETED = {**RIGHT, "cleanup.policy": "delete"}
RUN = "run kafka-configs.sh --bootstrap-server b:1 --alter --entity-type topics --entity-name t --add-config"


@pytest.mark.parametrize(
    ("wanted", "config"),
    [
        (CHANGELOG, COMPACTED),
        (CHANGELOG, COMPACTED | {"max.message.bytes": "10000000"}),
        (CONTROL, {}),
        (CHANGELOG, {}),  # a broker that tells nothing
        (RECORDS, DELETED),
        (RECORDS, DELETED | {"cleanup.policy": ""}),
        (RECORDS, DELETED | {"delete.retention.ms": "0"}),
        (RECORDS, DELETED | {"retention.ms": "604800000"}),
        (CONTROL, DELETED | {"retention.ms": "-1"}),
        (CONTROL, DELETED),
    ],
)
def test_what_works_is_accepted_without_a_word(wanted: dict, config: dict) -> None:
    topic = Topic("t", 3, config)
    assert (refusal(topic, wanted, "b:1"), list(warnings(topic, wanted, "b:1"))) == (None, [])


LOST = "; if it deleted records already, count again under another app name"


@pytest.mark.parametrize(
    ("wanted", "config", "line"),
    [
        (
            CHANGELOG,
            COMPACTED | {"cleanup.policy": "delete"},
            f"topic t: cleanup.policy is delete, not compact: {RUN} cleanup.policy=compact{LOST}",
        ),
        (
            CHANGELOG,
            COMPACTED | {"cleanup.policy": "compact,delete"},
            f"topic t: cleanup.policy is compact,delete, not compact: {RUN} cleanup.policy=compact{LOST}",
        ),
        (
            CHANGELOG,
            COMPACTED | {"cleanup.policy": "delete", "max.message.bytes": "1048588"},
            (
                "topic t: cleanup.policy is delete, not compact, max.message.bytes is 1048588, below 8388608:"
                f" {RUN} cleanup.policy=compact,max.message.bytes=8388608{LOST}"
            ),
        ),
        (
            CONTROL,
            DELETED | {"retention.ms": "604800000"},
            f"topic t: retention.ms is 604800000, and what it says must stay: {RUN} retention.ms=-1",
        ),
        (
            CONTROL,
            COMPACTED | {"retention.ms": "-1"},
            f"topic t: cleanup.policy is compact, not delete: {RUN} cleanup.policy=delete",
        ),
        (
            RECORDS,
            DELETED | {"max.message.bytes": "1048588"},
            f"topic t: max.message.bytes is 1048588, below 8388608: {RUN} max.message.bytes=8388608",
        ),
        (
            RECORDS,
            DELETED | {"cleanup.policy": "delete,compact"},
            f"topic t: cleanup.policy is delete,compact, not delete: {RUN} cleanup.policy=delete",
        ),
        (
            CHANGELOG,
            COMPACTED | {"min.insync.replicas": "4"},
            f"topic t: min.insync.replicas is 4, but copies are 3: {RUN} min.insync.replicas=2",
        ),
    ],
)
def test_what_loses_data_is_refused_with_the_command_that_mends_it(wanted: dict, config: dict, line: str) -> None:
    assert refusal(Topic("t", 3, config), wanted, "b:1") == line


@pytest.mark.parametrize(
    ("setting", "value", "mended"),
    [("min.insync.replicas", "1", "2"), ("delete.retention.ms", "1000", "3600000")],
)
def test_what_is_weak_in_a_changelog_is_a_warning(setting: str, value: str, mended: str) -> None:
    topic = Topic("t", 3, COMPACTED | {setting: value})
    (line,) = warnings(topic, CHANGELOG, "b:1")
    assert line.startswith(f"topic t: {setting} is {value}, ")
    assert line.endswith(f": {RUN} {setting}={mended}")
    assert refusal(topic, CHANGELOG, "b:1") is None


def test_a_single_copy_is_a_choice() -> None:
    topic = Topic("t", 1, COMPACTED | {"min.insync.replicas": "1"})
    assert not list(warnings(topic, CHANGELOG, "b:1"))
