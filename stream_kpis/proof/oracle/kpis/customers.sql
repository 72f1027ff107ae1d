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
    MAP {'plan': plan, 'segment': segment, 'channel': channel, 'voluntary': voluntary} AS dims
FROM spells
WHERE churned;

INSERT INTO observations BY NAME
SELECT
    'churn_events' AS kpi,
    time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    MAP {'reason': coalesce(reason, 'unknown'), 'plan': plan, 'voluntary': voluntary} AS dims
FROM customer_steps
WHERE type = 'customer.churned';

INSERT INTO observations BY NAME
SELECT
    'new_customers' AS kpi,
    joined_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    MAP {'channel': channel, 'campaign': campaign, 'segment': segment, 'referred': referred} AS dims
FROM new_customers;

INSERT INTO observations BY NAME
SELECT
    'customer_tenure_at_churn' AS kpi,
    ended_ms AS time_ms,
    ended_ms - began_ms AS duration_ms,
    1 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM spells
WHERE churned;

-- Leaves; windows.sql adds the time that customers spent.
INSERT INTO observations BY NAME
SELECT
    'customer_lifetime' AS kpi,
    ended_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM spells
WHERE churned;

-- Returns; windows.sql adds who was lapsed before.
INSERT INTO observations BY NAME
SELECT
    'reactivation_rate' AS kpi,
    over_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM lapses
WHERE returned;
