-- What customers were when they ordered. Scope: the party. Reads orders and refunds.
-- Makes: customer_orders, customer_refunds.

-- The running dimensions after the last event of the customer up to the placing; before the first, unknown.
CREATE OR REPLACE TEMP TABLE customer_orders AS
WITH
    running AS (
        SELECT
            party,
            event_no,
            time_ms,
            last_value(plan IGNORE NULLS) OVER so_far AS plan,
            last_value(segment IGNORE NULLS) OVER so_far AS segment,
            last_value(country IGNORE NULLS) OVER so_far AS country
        FROM events
        WHERE family = 'customer'
        WINDOW so_far AS (PARTITION BY party ORDER BY event_no ROWS UNBOUNDED PRECEDING)
    ),
    -- Of several at one time what the last leaves.
    latest AS (
        SELECT party, time_ms, max(event_no) AS event_no
        FROM running
        GROUP BY party, time_ms
    ),
    placed AS (
        SELECT o.party, o.order_id, o.placed_ms, o.amount, l.event_no
        FROM orders AS o
        ASOF LEFT JOIN latest AS l ON l.party = o.party AND l.time_ms <= o.placed_ms
    )
SELECT
    p.party,
    p.order_id,
    p.placed_ms,
    p.amount,
    coalesce(r.plan, 'unknown') AS plan,
    coalesce(r.segment, 'unknown') AS segment,
    coalesce(r.country, 'unknown') AS country
FROM placed AS p
LEFT JOIN running AS r ON r.event_no = p.event_no;

-- A refund has what its order had.
CREATE OR REPLACE TEMP TABLE customer_refunds AS
SELECT r.party, r.order_id, r.refunded_ms, r.amount, o.plan, o.segment, o.country
FROM refunds AS r
JOIN customer_orders AS o USING (party, order_id);
