-- Customers: the level, and who left.

INSERT INTO observations BY NAME
SELECT
    'active_customers' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    move AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'country': country} AS dims
FROM level_moves;

INSERT INTO beginnings
SELECT 'active_customers', min(began_ms)
FROM spells;

INSERT INTO observations BY NAME
SELECT
    'churned_customers' AS kpi,
    ended_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM spells
WHERE churned;

INSERT INTO observations BY NAME
SELECT
    'churn_events' AS kpi,
    time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    MAP {'reason': coalesce(reason, 'unknown'), 'plan': plan} AS dims
FROM customer_steps
WHERE type = 'customer.churned';
