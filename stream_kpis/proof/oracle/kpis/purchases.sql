-- What parties bought, and what they added to it. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'time_between_purchases' AS kpi,
    placed_ms AS time_ms,
    gap_ms AS duration_ms,
    1 AS samples,
    party,
    order_id AS entity
FROM purchases
WHERE gap_ms IS NOT NULL;

-- Who bought only once does not return; windows.sql adds who bought.
INSERT INTO observations BY NAME
SELECT
    'returning_customer_rate' AS kpi,
    placed_ms AS time_ms,
    -1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party
FROM purchases
WHERE is_only;

INSERT INTO observations BY NAME
SELECT
    'rep_new_customers' AS kpi,
    bought_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    entity,
    MAP {'owner': owner, 'product': product} AS dims
FROM first_purchases;

INSERT INTO observations BY NAME
SELECT
    'upsell_revenue' AS kpi,
    expanded_ms AS time_ms,
    worth AS numerator,
    1 AS samples,
    party,
    entity,
    MAP {'kind': kind, 'product': product, 'owner': owner} AS dims
FROM expansions;

-- Who expanded in the window, less who also joined in it; windows.sql adds who was active before it.
INSERT INTO observations BY NAME
SELECT 'upsell_rate' AS kpi, last_ms AS time_ms, 1 AS numerator, 0 AS denominator, 0 AS samples, party
FROM expanders
UNION ALL BY NAME
SELECT 'upsell_rate' AS kpi, joined_ms AS time_ms, -1 AS numerator, 0 AS denominator, 0 AS samples, party
FROM expanders;
