"""A seeded company whose customers, deals and tickets make the events of the contract.

Pure: the clock is passed in and the seed decides everything; the same seed gives the same bytes.
"""

from pathlib import Path

from stream_kpis.proof.simulate.abroad import CARRY_DAYS, daily_rates, in_currencies, parted
from stream_kpis.proof.simulate.faults import FAULTS, FaultyLine, faults
from stream_kpis.proof.simulate.poison import POISONS
from stream_kpis.proof.simulate.scenarios import SCENARIOS, Scenario
from stream_kpis.proof.simulate.simulation import Live, Simulation
from stream_kpis.proof.simulate.world import Simulated

CALENDARS = Path(__file__).with_name("calendars.yaml")
"""The file of the company's business calendars."""

__all__ = [
    "CALENDARS",
    "CARRY_DAYS",
    "FAULTS",
    "POISONS",
    "SCENARIOS",
    "FaultyLine",
    "Live",
    "Scenario",
    "Simulated",
    "Simulation",
    "daily_rates",
    "faults",
    "in_currencies",
    "parted",
]
