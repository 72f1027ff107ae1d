"""What happened: pure folds over the events of an entity or party. A new journey is one file and one line here."""

from stream_kpis.journeys import activity, deals, leads, lifecycle, orders, purchases, surveys, tickets
from stream_kpis.journeys.journey import Journey

JOURNEYS: dict[str, Journey] = {
    module.JOURNEY.name: module.JOURNEY
    for module in (leads, deals, orders, purchases, tickets, lifecycle, surveys, activity)
}
