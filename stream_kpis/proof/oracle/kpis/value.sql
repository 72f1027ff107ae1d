-- What orders and customers are worth. An observation counts in every window that its time falls in.

-- Orders that name the cost of their goods; refunds at their own time, and they give no goods back.
INSERT INTO observations BY NAME
SELECT
    'gross_margin_ratio' AS kpi,
    placed_ms AS time_ms,
    amount - goods AS numerator,
    amount AS denominator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM orders
WHERE goods IS NOT NULL
UNION ALL BY NAME
SELECT
    'gross_margin_ratio' AS kpi,
    r.refunded_ms AS time_ms,
    -r.amount AS numerator,
    -r.amount AS denominator,
    0 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': o.channel, 'product': o.product, 'owner': o.owner} AS dims
FROM refunds AS r
JOIN orders AS o USING (party, order_id)
WHERE o.goods IS NOT NULL;

-- Revenue by party with an order and by customer; windows_value.sql adds those.
INSERT INTO observations BY NAME
SELECT 'arpc' AS kpi, time_ms, numerator, 0 AS denominator, 0 AS samples, party, entity
FROM observations
WHERE kpi = 'revenue_net';

INSERT INTO observations BY NAME
SELECT 'arpa' AS kpi, time_ms, numerator, 0 AS denominator, 0 AS samples, party, entity, dims
FROM observations
WHERE kpi = 'customer_revenue';

-- Of owners with a quota; windows_value.sql adds the quotas.
INSERT INTO observations BY NAME
SELECT 'quota_attainment' AS kpi, time_ms, numerator, 0 AS denominator, samples, party, entity, dims
FROM observations
SEMI JOIN quotas ON quotas.owner = dims['owner']
WHERE kpi = 'rep_revenue';

-- Whoever ever bought is in a bucket.
INSERT INTO beginnings
SELECT 'customer_value_distribution', min(moved_ms)
FROM buyer_moves
WHERE places;

-- The worth of active customers; they are the samples, even without a known one.
INSERT INTO observations BY NAME
SELECT
    'mrr' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM worth_moves
UNION ALL BY NAME
SELECT
    'mrr' AS kpi,
    moved_ms AS time_ms,
    0 AS numerator,
    move AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM level_moves;

INSERT INTO beginnings
SELECT 'mrr', min(began_ms)
FROM spells;

-- Worth that was lost, contracted, expanded, or came back; windows_value.sql adds what there was.
INSERT INTO observations BY NAME
WITH changes AS (
    SELECT party, ended_ms AS time_ms, worth AS loss, plan, segment, channel
    FROM spells
    WHERE churned
    UNION ALL BY NAME
    SELECT party, changed_ms AS time_ms, -difference AS loss, plan, segment, channel
    FROM plan_changes
    UNION ALL BY NAME
    SELECT
        party,
        over_ms AS time_ms,
        -next_worth AS loss,
        next_plan AS plan,
        next_segment AS segment,
        next_channel AS channel
    FROM lapses
    WHERE returned
)
SELECT
    kpi,
    time_ms,
    loss AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM changes
CROSS JOIN (VALUES ('revenue_churn_rate'), ('revenue_churn_rate_net')) AS kpis (kpi)
WHERE loss > 0 OR (loss < 0 AND kpi = 'revenue_churn_rate_net');
