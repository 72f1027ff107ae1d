-- Orders and refunds. Makes: orders, refunds.

-- The first placing counts; a cancelled order never was.
CREATE OR REPLACE TEMP TABLE orders AS
WITH
    cancelled AS (SELECT DISTINCT party, order_id FROM events WHERE type = 'order.cancelled'),
    placed AS (
        SELECT party, order_id, min(event_no) AS event_no
        FROM events
        WHERE type = 'order.placed'
        GROUP BY party, order_id
    ),
    -- One refund per refund_id: the first in order.
    refund AS (
        SELECT
            party,
            order_id,
            refund_id,
            arg_min(amount, event_no) AS amount,
            arg_min(paid, event_no) AS paid,
            arg_min(paid_in, event_no) AS paid_in
        FROM events
        WHERE type = 'order.refunded'
        GROUP BY party, order_id, refund_id
    ),
    refunded AS (
        SELECT
            party,
            order_id,
            sum(amount) AS amount,
            sum(paid) AS paid,
            CASE WHEN count(DISTINCT paid_in) = 1 THEN any_value(paid_in) END AS paid_in  -- NULL if in several
        FROM refund
        GROUP BY party, order_id
    )
SELECT
    party,
    order_id,
    e.lead_id,
    e.lead_party,
    e.time_ms AS placed_ms,
    e.amount,
    e.cost_of_goods AS goods,
    coalesce(refunded.amount, 0) AS refunded,
    -- As it was paid, if all was in one currency: a rate that moves gives nothing back.
    NOT coalesce(
        CASE
            WHEN refunded.paid_in = e.paid_in THEN e.paid > 0 AND refunded.paid >= e.paid
            ELSE e.amount > 0 AND refunded.amount >= e.amount
        END,
        false
    ) AS kept,
    coalesce(e.channel, 'unknown') AS channel,
    coalesce(e.product, 'unknown') AS product,
    coalesce(e.owner_id, 'unknown') AS owner,
    e.lines,
    e.upsell,
    e.first_for_leads
FROM placed
JOIN events AS e USING (party, order_id, event_no)
ANTI JOIN cancelled USING (party, order_id)
LEFT JOIN refunded USING (party, order_id);

-- A refund at its own time, with the dimensions of its order; without an order it does not count.
CREATE OR REPLACE TEMP TABLE refunds AS
WITH first AS (
    SELECT party, order_id, min(event_no) AS event_no
    FROM events
    WHERE type = 'order.refunded'
    GROUP BY party, order_id, refund_id
)
SELECT party, order_id, e.time_ms AS refunded_ms, e.amount, o.channel, o.product, o.owner
FROM first
JOIN events AS e USING (party, order_id, event_no)
JOIN orders AS o USING (party, order_id);
