-- Leads, deals and orders. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'leads_new' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'source': source, 'owner': owner, 'campaign': campaign} AS dims
FROM leads;

-- Cohorts: at the creation; converted or qualified at most H later.
INSERT INTO observations BY NAME
SELECT
    'lead_conversion_rate' AS kpi,
    created_ms AS time_ms,
    coalesce(converted_ms - created_ms <= getvariable('horizon_ms'), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'source': source, 'campaign': campaign, 'owner': owner} AS dims
FROM leads;

INSERT INTO observations BY NAME
SELECT
    'lead_qualification_rate' AS kpi,
    created_ms AS time_ms,
    coalesce(qualified_ms - created_ms <= getvariable('horizon_ms'), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'source': source, 'campaign': campaign, 'owner': owner} AS dims
FROM leads;

-- Flow: conversions at their own time over creations at theirs.
INSERT INTO observations BY NAME
SELECT
    'lead_conversion_flow_ratio' AS kpi,
    created_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'source': source} AS dims
FROM leads
UNION ALL BY NAME
SELECT
    'lead_conversion_flow_ratio' AS kpi,
    converted_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'source': source} AS dims
FROM leads
WHERE converted_ms IS NOT NULL;

-- To the live one windows.sql adds the ages of what waits.
INSERT INTO observations BY NAME
SELECT
    kpi,
    responded_ms AS time_ms,
    wait_ms AS duration_ms,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'owner': owner, 'source': source, 'channel': channel} AS dims
FROM responses
CROSS JOIN (VALUES ('lead_response_time'), ('lead_response_time_live')) AS kpis (kpi);

INSERT INTO observations BY NAME
SELECT
    'deals_won' AS kpi,
    closed_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'pipeline': pipeline} AS dims
FROM deals
WHERE won;

INSERT INTO observations BY NAME
SELECT
    'deal_win_rate' AS kpi,
    closed_ms AS time_ms,
    won::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'source': source} AS dims
FROM deals;

INSERT INTO observations BY NAME
SELECT
    'avg_deal_value' AS kpi,
    closed_ms AS time_ms,
    amount AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'kind': kind} AS dims
FROM deals
WHERE won AND amount IS NOT NULL;

INSERT INTO observations BY NAME
SELECT
    CASE WHEN won THEN 'sales_cycle_time' ELSE 'lost_cycle_time' END AS kpi,
    closed_ms AS time_ms,
    cycle_ms AS duration_ms,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'size': size, 'decision_makers': decision_makers} AS dims
FROM deals
WHERE cycle_ms IS NOT NULL;

INSERT INTO observations BY NAME
SELECT
    'orders' AS kpi,
    placed_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM orders;

-- Refunds count at their own time; only orders are samples.
INSERT INTO observations BY NAME
SELECT
    'revenue_net' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM orders
UNION ALL BY NAME
SELECT
    'revenue_net' AS kpi,
    refunded_ms AS time_ms,
    -amount AS numerator,
    0 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM refunds;

INSERT INTO observations BY NAME
SELECT
    'average_order_value' AS kpi,
    placed_ms AS time_ms,
    amount - refunded AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product} AS dims
FROM orders
WHERE kept;

INSERT INTO observations BY NAME
SELECT
    'leads_open_uncontacted' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'owner': owner, 'source': source, 'channel': channel} AS dims
FROM uncontacted_leads;

INSERT INTO observations BY NAME
SELECT
    'leads_over_target' AS kpi,
    created_ms AS time_ms,
    (created_ms < getvariable('at_ms') - getvariable('leads_over_target_target_ms'))::INTEGER AS numerator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'owner': owner, 'source': source, 'channel': channel} AS dims
FROM uncontacted_leads;

INSERT INTO beginnings
SELECT kpi, min(created_ms)
FROM leads
CROSS JOIN (VALUES ('leads_open_uncontacted'), ('leads_over_target')) AS kpis (kpi)
GROUP BY kpi;

INSERT INTO observations BY NAME
SELECT
    'revenue_gross' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM orders;

-- Matured: both parts at the placing; a refund is early up to 30 days after it.
INSERT INTO observations BY NAME
WITH early AS (
    SELECT party, order_id, sum(r.amount) AS amount
    FROM refunds AS r
    JOIN orders AS o USING (party, order_id)
    WHERE r.refunded_ms - o.placed_ms BETWEEN 0 AND days_ms(30)
    GROUP BY party, order_id
)
SELECT
    'refund_rate' AS kpi,
    placed_ms AS time_ms,
    coalesce(early.amount, 0) AS numerator,
    o.amount AS denominator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product, 'owner': owner} AS dims
FROM orders AS o
LEFT JOIN early USING (party, order_id);

-- The same as revenue_net, of those who sell.
INSERT INTO observations BY NAME
SELECT 'rep_revenue' AS kpi, time_ms, numerator, samples, party, entity, MAP {'owner': dims['owner']} AS dims
FROM observations
WHERE kpi = 'revenue_net';
