-- What e-mails brought. An observation counts in every window that its time falls in.

-- Refunds count at their own time; only orders are samples.
INSERT INTO observations BY NAME
SELECT
    'email_revenue' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS dims
FROM email_orders
UNION ALL BY NAME
SELECT
    'email_revenue' AS kpi,
    refunded_ms AS time_ms,
    -amount AS numerator,
    0 AS samples,
    party,
    order_id AS entity,
    MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS dims
FROM email_order_refunds;

INSERT INTO observations BY NAME
SELECT
    'email_revenue_per_delivered' AS kpi, time_ms, numerator, 0 AS denominator, 0 AS samples, party, entity, dims
FROM observations
WHERE kpi = 'email_revenue'
UNION ALL BY NAME
SELECT
    'email_revenue_per_delivered' AS kpi, time_ms, 0 AS numerator, 1 AS denominator, 1 AS samples, party, entity, dims
FROM observations
WHERE kpi = 'email_delivered';

-- Cohort: at the delivery; converted at most 5 days later.
INSERT INTO observations BY NAME
SELECT 'email_conversion_rate' AS kpi, time_ms, 0 AS numerator, 1 AS denominator, 1 AS samples, party, entity, dims
FROM observations
WHERE kpi = 'email_delivered'
UNION ALL BY NAME
SELECT
    'email_conversion_rate' AS kpi,
    delivered_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    campaign AS entity,
    MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS dims
FROM email_conversions
WHERE converted_ms - delivered_ms <= days_ms(5);
