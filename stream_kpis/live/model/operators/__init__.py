"""Values made of the values of a KPI: change, trend, forecast, targets. See docs/definitions-operators.md."""
