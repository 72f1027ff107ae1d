"""What is aimed at in a proof: the goals that a verification sets itself, and goals as the oracle reads them."""

from datetime import date

from stream_kpis.engine.compiler import Plan
from stream_kpis.kpis.goals import MICRO, NO_GOALS, Goals, mistake
from stream_kpis.kpis.goals import Target as Goal
from stream_kpis.proof.oracle import Target
from stream_kpis.proof.simulate.palette import EXPERIMENTS, OWNERS

_TARGETS = (
    Goal(kpi="revenue_net", window="mtd", target=90_000),
    Goal(kpi="revenue_net", window="qtd", target=300_000),
    Goal(kpi="revenue_net", window="ytd", target=1_000_000, since=date(2025, 1, 1)),
    Goal(kpi="orders", window="mtd", target=400, since=date(2026, 1, 1)),
    Goal(kpi="orders", window="mtd", target=300, since=date(2026, 1, 1)),
    Goal(kpi="orders", window="mtd", target=9, since=date(2027, 1, 1)),
    Goal(kpi="orders", window="7d", target=0),
    Goal(kpi="orders", window="mtd", target=100, group={"channel": "web"}),
    Goal(kpi="orders", window="mtd", target=100, group={"channel": "nowhere"}),
    Goal(kpi="tickets_opened", window="mtd", target=100, better="lower"),
    Goal(kpi="active_customers", window="now", target=50),
    Goal(kpi="churn_rate", window="90d", target=0.1),
    Goal(kpi="nps", window="90d", target=0.3),
    Goal(kpi="first_response_time", window="30d", target=3600),
    Goal(kpi="lead_conversion_rate", window="90d", target=0.2),
    Goal(kpi="purchase_frequency", window="365d", target=2),
)


def simulated_goals(plan: Plan, goals: Goals = NO_GOALS) -> Goals:
    """Some goals for a simulated company, so that targets, pace, quotas and shares are proved; and over them others."""
    targets = [target for target in _TARGETS if mistake(target, plan.catalogue.kpis) is None]
    quotas = {owner: (5_000 + 1_000 * number) * MICRO for number, owner in enumerate(OWNERS[:-1])}
    shares = {EXPERIMENTS[0]: {"control": 0.5, "new": 0.5}}
    return Goals((*targets, *goals.targets), {**quotas, **goals.quotas}, {**shares, **goals.experiments})


def oracle_targets(plan: Plan, goals: Goals) -> list[Target]:
    """The targets of goals, and those that KPIs have of their own."""
    own = [
        Target(name, "", kpi.aim, order=-1, better=kpi.better)
        for name, kpi in plan.catalogue.kpis.items()
        if kpi.aim is not None
    ]
    return own + [
        Target(
            goal.kpi, goal.window, goal.target, ",".join(goal.group), ",".join(goal.group.values()), goal.since, order,
            goal.calendar, goal.better or plan.catalogue.kpis[goal.kpi].better,
        )
        for order, goal in enumerate(goals.targets)
    ]  # fmt: skip
