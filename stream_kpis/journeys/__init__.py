"""What happened: pure folds over the events of an entity or party. A new journey is one file and one line here."""

from stream_kpis.journeys import (
    activity,
    attribution,
    complaints,
    costs,
    deals,
    emails,
    expansion,
    experiments,
    interactions,
    leads,
    lifecycle,
    mailing,
    orders,
    purchases,
    recontact,
    respondents,
    surveys,
    tickets,
)
from stream_kpis.journeys.journey import Journey

JOURNEYS: dict[str, Journey] = {
    module.JOURNEY.name: module.JOURNEY
    for module in (
        leads, deals, orders, purchases, expansion, tickets, recontact, lifecycle, surveys, respondents, interactions,
        complaints, emails, mailing, attribution, experiments, costs, activity,
    )
}  # fmt: skip
