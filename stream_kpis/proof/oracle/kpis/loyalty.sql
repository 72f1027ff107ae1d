-- Who stays, lapses, returns and refers. An observation counts in every window that its time falls in.
-- windows.sql and windows_value.sql add what it is measured against.

INSERT INTO observations BY NAME
SELECT
    'churn_hazard' AS kpi,
    ended_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    1 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM spells
WHERE churned;

INSERT INTO observations BY NAME
SELECT 'referrals_made' AS kpi, referred_ms AS time_ms, 1 AS numerator, 1 AS samples, party
FROM referrals;

-- All leaves, over those active before and all who joined.
INSERT INTO observations BY NAME
SELECT
    'churn_rate_inclusive' AS kpi,
    ended_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM spells
WHERE churned
UNION ALL BY NAME
SELECT
    'churn_rate_inclusive' AS kpi,
    began_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'plan': joined_plan, 'segment': joined_segment, 'channel': joined_channel} AS dims
FROM spells;

INSERT INTO observations BY NAME
SELECT
    CASE turn WHEN 'lapses' THEN 'churn_rate_inactivity' ELSE 'reactivation_rate_inactivity' END AS kpi,
    turned_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party
FROM buyer_turns
WHERE turn = 'lapses' OR again;

INSERT INTO observations BY NAME
SELECT
    'referred_customer_share' AS kpi,
    joined_ms AS time_ms,
    (referred = 'yes')::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'channel': channel, 'segment': segment} AS dims
FROM new_customers;
