-- What orders are made of, and who places them. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'average_order_value_gross' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'channel': channel, 'product': product} AS dims
FROM orders;

-- Per mean active: windows.sql adds the time that customers spent.
INSERT INTO observations BY NAME
SELECT
    'purchase_frequency_active' AS kpi,
    placed_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    1 AS samples,
    party,
    order_id AS entity
FROM orders;

INSERT INTO observations BY NAME
SELECT
    'product_revenue' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'product': product} AS dims
FROM order_items;

INSERT INTO observations BY NAME
SELECT
    'units_sold' AS kpi,
    placed_ms AS time_ms,
    thousandths AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'product': product} AS dims
FROM order_items;

-- Refunds count at their own time; only orders are samples.
INSERT INTO observations BY NAME
SELECT
    'customer_revenue' AS kpi,
    placed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    order_id AS entity,
    MAP {'plan': plan, 'segment': segment, 'country': country} AS dims
FROM customer_orders
UNION ALL BY NAME
SELECT
    'customer_revenue' AS kpi,
    refunded_ms AS time_ms,
    -amount AS numerator,
    0 AS samples,
    party,
    order_id AS entity,
    MAP {'plan': plan, 'segment': segment, 'country': country} AS dims
FROM customer_refunds;
