"""Catalogues as they stand in the cells changelog, and which of them is to be shown."""

from datetime import date

import pytest

from stream_kpis.engine.batch import Header
from stream_kpis.engine.catalogues import Kept, document_of, held_since, in_force, plan_of
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.kpis.load import built_in
from stream_kpis.kpis.lookups import Lookup, Lookups
from stream_kpis.kpis.schema import Measure
from tests.engine.shards import CALENDARS, catalogue_of

LOOKED_UP = Lookups(
    {"team": Lookup("owner", {"ann": "north"}), "region": Lookup("team", {"north": "emea"})}, date.toordinal
)
BY_REGION = compile_catalogue(
    catalogue_of(leads=Measure(flow="lead_created", by=("region", "owner"))), CALENDARS, LOOKED_UP
)


@pytest.mark.parametrize("plan", [compile_catalogue(built_in(), CALENDARS), BY_REGION], ids=["built in", "looked up"])
def test_a_document_says_all_that_reading_needs(plan: Plan) -> None:
    """The plan made of it finds the same cells, reads them alike, and has the same document."""
    document = document_of(plan)
    made = plan_of(document.value)
    assert document_of(made) == document
    assert made.groupings == plan.groupings
    assert (made.catalogue.kpis, made.catalogue.formulas) == (plan.catalogue.kpis, plan.catalogue.formulas)
    assert (made.definitions, made.calendars.digest) == (plan.definitions, plan.calendars.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"leads":', b'"leads":{"kind_to_come":1},"x":'), (b'"lead_created"', b'"fact_to_come"'), (b"{", b"[")],
)
def test_what_another_version_wrote_is_refused_in_one_line(old: bytes, new: bytes) -> None:
    """Not read as something else."""
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        plan_of(document_of(BY_REGION).value.replace(old, new, 1))


def header(catalogue: str, made_ms: int, **kept: int) -> Header:
    return Header(1, {}, {}, made_ms, {}, {}, catalogue, kept)


@pytest.mark.parametrize(
    ("headers", "shown", "since_ms"),
    [
        ([header("a", 5), header("a", 6)], "a", None),
        ([header("b", 5, a=3), header("a", 6)], "a", 3),
        ([header("b", 5, a=3), header("b", 6, a=4)], "b", None),
        ([header("c", 9, a=3, b=5), header("b", 8, a=4)], "b", 5),
        ([header("c", 9, a=3, b=5), header("a", 8)], "a", 3),
        ([header("b", 5), header("a", 6)], None, None),
        ([header("", 5), header("a", 6)], None, None),
        ([header("", 5), header("", 6)], None, None),
        ([], None, None),
    ],
    ids=["all", "kept", "all new", "last", "first", "neither whole", "unnamed and named", "unnamed", "no shard"],
)  # fmt: skip
def test_what_is_shown_is_of_all_shards(headers: list[Header], shown: str | None, since_ms: int | None) -> None:
    """That of all, or else the one that all have whole and that was counted last; with since when it stands still."""
    assert in_force(headers) == shown
    if shown is not None:
        assert held_since(headers, shown) == since_ms


def test_a_catalogue_is_written_once_and_taken_back_when_nobody_needs_it() -> None:
    """One that is kept stays; a shard that starts again writes nothing."""
    own, before = Kept(BY_REGION), document_of(compile_catalogue(catalogue_of(leads=Measure(flow="lead_created"))))
    own.restore(before.key, before.value)
    own.restored(header(before.name, 7))
    assert own.before == {before.name: 7}
    assert own.take() == [(own.own.key, own.own.value)]
    assert own.take() == []
    own.retire()
    assert own.take() == [(before.key, None)]
    assert own.take() == []
    again = Kept(BY_REGION)
    again.restore(own.own.key, own.own.value)
    again.restored(header(own.own.name, 8))
    assert (again.before, again.take()) == ({}, [])
