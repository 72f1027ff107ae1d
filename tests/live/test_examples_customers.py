"""The worked examples of docs/definitions.md: customers, expansion, respondents, e-mail."""

import pytest

from stream_kpis.engine.tiles import DAY_MS
from tests.live.stories import customer, email, happened, order, told

ALL = ("30d", "", "")


def test_upsell_rate_and_revenue() -> None:
    values = told([
        customer(-10, "created", "A", plan="basic", value=20), customer(-10, "created", "B"),
        customer(5, "created", "C"), customer(3, "plan_changed", "A", plan="pro", value=50),
        order(9, "placed", "o", "C", amount=40, upsell=True),
    ])  # fmt: skip
    found = values["upsell_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 2)
    assert (values["upsell_revenue", *ALL].value, values["upsell_revenue", *ALL].samples) == (70, 2)
    assert values["upsell_revenue", "30d", "kind", "plan"].value == 30


def test_new_customers() -> None:
    values = told([
        customer(1, "created", "A"), customer(2, "created", "B", referred_by="A"), customer(3, "churned", "B"),
        customer(9, "reactivated", "B"), customer(4, "reactivated", "C"), customer(5, "created", "D"),
        customer(6, "merged", "D", into="A"),
    ])  # fmt: skip
    assert values["new_customers", *ALL].value == 2
    assert values["new_customers", "30d", "referred", "yes"].value == 1


def test_customer_tenure_at_churn() -> None:
    values = told([
        customer(1, "created", "A"), customer(11, "churned", "A"), customer(0, "created", "B"),
        customer(20, "churned", "B"),
    ])  # fmt: skip
    found = values["customer_tenure_at_churn", "90d", "", ""]
    assert (found.value, found.samples) == (pytest.approx(10 * 86400, rel=0.01), 2)


def test_churn_rate_involuntary() -> None:
    """Also churned customers and churn events by who wanted it."""
    said = {"A": {"voluntary": True}, "B": {"voluntary": False}, "C": {}}
    values = told([
        *(customer(-10, "created", who) for who in "ABCD"),
        *(customer(day, "churned", who, **said[who]) for day, who in enumerate("ABC", 5)),
    ])  # fmt: skip
    found = values["churn_rate_involuntary", *ALL]
    assert (found.numerator, found.denominator) == (1, 4)
    for kpi in ("churned_customers", "churn_events"):
        assert [values[kpi, "30d", "voluntary", word].value for word in ("yes", "no", "unknown")] == [1, 1, 1]


def test_who_came_and_left_in_the_window_was_not_at_risk() -> None:
    values = told([
        customer(-10, "created", "A"), customer(1, "created", "B"), customer(5, "churned", "B", voluntary=False),
    ])  # fmt: skip
    assert values["churn_rate_involuntary", *ALL].numerator == 0


def test_referrals_made() -> None:
    referred = [("A", "x"), ("A", "y"), ("B", "z"), ("B", "B")]
    values = told([customer(day, "referred", who, referred_id=whom) for day, (who, whom) in enumerate(referred, 1)])
    assert values["referrals_made", *ALL].value == 3


def test_customer_lifetime() -> None:
    values = told([customer(0, "created", "A"), customer(15, "churned", "A"), customer(0, "created", "B")])
    for window in ("90d", "all"):
        found = values["customer_lifetime", window, "", ""]
        assert (found.value, found.numerator, found.denominator) == (45 * 86400, 45 * DAY_MS, 1)


def test_customer_lifetime_counts_no_more_of_a_spell_than_lies_in_the_window() -> None:
    """Who came before stays from its start on, who leaves after it until its end; a change of plan moves the time."""
    values = told([
        customer(-90, "created", "A", plan="a"), customer(10, "plan_changed", "A", plan="b"),
        customer(-80, "created", "B", plan="a"), customer(-70, "churned", "B"),
        customer(20, "churned", "A", effective_at="2026-06-01T00:00:00Z"), customer(12, "created", "C", plan="b"),
        customer(12.5, "churned", "C"),
    ])  # fmt: skip
    lived = {group: values["customer_lifetime", "90d", "plan", group].numerator for group in ("a", "b")}
    assert lived == {"a": 70 * DAY_MS, "b": 20.5 * DAY_MS}


def test_reactivation_rate() -> None:
    left = [customer(day, "churned", who) for who, day in (("A", -5), ("B", -3), ("C", 2))]
    values = told([
        *(customer(-20, "created", who) for who in "ABC"), *left,
        customer(4, "reactivated", "B"), customer(8, "reactivated", "C"),
    ])  # fmt: skip
    found = values["reactivation_rate", *ALL]
    assert (found.numerator, found.denominator) == (2, 2)


def nps(day: float, who: str, score: float, **data: object) -> object:
    return happened(day, "survey.answered", who, survey_id=f"{who}{day}", kind="nps", score=score, **data)


def test_nps_respondent() -> None:
    values = told([nps(1, "A", 10), nps(9, "A", 3), nps(5, "B", 9), nps(6, "C", 8)])
    found = values["nps_respondent", *ALL]
    assert (found.value, found.numerator, found.denominator) == (0, 0, 3)
    half = 1.96 * (2 / 3 / 3) ** 0.5
    assert (found.lower, found.upper) == (pytest.approx(-half), pytest.approx(half))
    assert values["nps", *ALL].value == 0.25


def test_nps_transactional() -> None:
    """It is no part of the others."""
    values = told([
        nps(1, "A", 10, ticket_id="t", team="one"), nps(2, "B", 3, ticket_id="u", agent_id="x"), nps(3, "A", 9)
    ])  # fmt: skip
    found = values["nps_transactional", *ALL]
    assert (found.value, found.numerator, found.denominator) == (0, 0, 2)
    assert (found.lower, found.upper) == (-1, 1)
    assert values["nps_transactional", "30d", "team", "one"].value == 1
    assert values["nps_transactional", "30d", "agent", "x"].value == -1
    for kpi in ("nps", "nps_respondent"):
        assert (values[kpi, *ALL].value, values[kpi, *ALL].denominator) == (1, 1)
    assert values["nps_account", "90d", "", ""].denominator == 1


def test_nps_account() -> None:
    answers = [nps(1, "A", 10, account_id="x"), nps(3, "A", 8, account_id="x")]
    answers += [nps(2, "A", 6, account_id="y"), nps(4, "A", 7, account_id="y")]
    found = told(answers)["nps_account", "90d", "", ""]
    assert (found.numerator, found.denominator) == (1, 2)


def test_emails() -> None:
    values = told([
        *(email(1, "sent", who) for who in "ABCD"), email(1, "bounced", "D"),
        *(email(1, "delivered", who) for who in "ABC"),
        email(1, "opened", "A", machine=True), email(2, "opened", "A"), email(2, "clicked", "A"),
        email(9, "opened", "B"), email(3, "unsubscribed", "C"),
    ], 35)  # fmt: skip
    assert (values["email_sent", "90d", "", ""].value, values["email_delivered", "90d", "", ""].value) == (4, 3)
    rates = (
        "email_open_rate", "email_click_rate", "email_ctor", "email_bounce_rate", "email_unsubscribe_rate",
        "email_spam_complaint_rate",
    )  # fmt: skip
    found = [values[rate, *ALL] for rate in rates]
    assert [(rate.numerator, rate.denominator) for rate in found] == [(1, 3), (1, 3), (1, 1), (1, 4), (1, 3), (0, 3)]
    assert values["email_open_rate", "30d", "campaign", "c"].numerator == 1


def test_a_campaign_writes_again() -> None:
    values = told([
        *(email(1, "sent", who) for who in "ABCD"), *(email(1, "delivered", who) for who in "ABC"),
        email(2, "clicked", "A"), email(4, "sent", "A"), email(4, "delivered", "A"), email(5, "clicked", "A"),
    ], 35)  # fmt: skip
    assert (values["email_sent", "90d", "", ""].value, values["email_delivered", "90d", "", ""].value) == (5, 4)
    assert (values["email_click_rate", *ALL].numerator, values["email_click_rate", *ALL].denominator) == (2, 4)


def test_emails_by_length_and_images() -> None:
    """Both as written, of the sending."""
    values = told([
        email(1, "sent", "A", length=900, images=0), email(1, "delivered", "A", length=1), email(2, "opened", "A"),
        email(2, "clicked", "A"), email(1, "delivered", "B", length=50, images=2), email(2, "opened", "B"),
        email(3, "unsubscribed", "B"), email(1, "delivered", "C", length=50),
    ], 35)  # fmt: skip
    unsubscribed = {
        (by, group): (value.numerator, value.denominator)
        for (kpi, window, by, group), value in values.items()
        if (kpi, window) == ("email_unsubscribe_rate", "30d") and by in ("length", "images")
    }
    assert unsubscribed == {
        ("length", "900"): (0, 1), ("length", "50"): (1, 2),
        ("images", "0"): (0, 1), ("images", "2"): (1, 1), ("images", "unknown"): (0, 1),
    }  # fmt: skip
    found = values["email_ctor", "30d", "length", "900"], values["email_ctor", "30d", "length", "50"]
    assert [(ctor.numerator, ctor.denominator) for ctor in found] == [(1, 1), (0, 1)]


def test_email_list_size_and_growth() -> None:
    values = told([
        email(-5, "subscribed", "A"), email(1, "subscribed", "B"), email(2, "unsubscribed", "A"),
        email(3, "subscribed", "C"), email(4, "subscribed", "C"),
    ])  # fmt: skip
    assert values["email_list_size", "now", "", ""].value == 2
    found = values["email_list_growth", *ALL]
    assert (found.value, found.numerator, found.denominator) == (1, 1, 1)
