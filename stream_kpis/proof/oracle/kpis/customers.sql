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

-- Active at the window's start: the moves of the level before it.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    CASE kpi WHEN 'retention_rate' THEN sum(move) ELSE 0 END AS numerator,
    sum(move) AS denominator,
    sum(move) AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN level_moves ON moved_ms < from_ms
WHERE kpi IN ('churn_rate', 'retention_rate')
GROUP BY ask, kpi, party, plan, segment, channel;

-- Of those, who left within the window: a churn's numerator, a loss to the retained.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    CASE kpi WHEN 'churn_rate' THEN 1 ELSE -1 END AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN spells ON ended_ms >= from_ms AND ended_ms < to_ms AND began_ms < from_ms
WHERE kpi IN ('churn_rate', 'retention_rate') AND churned;
