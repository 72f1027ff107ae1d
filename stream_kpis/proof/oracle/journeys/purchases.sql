-- The kept orders of a party, one after the other, and what it brought. Scope: the party. Reads orders.
-- Makes: purchases, buyer_turns, buyer_moves.

CREATE OR REPLACE TEMP TABLE purchases AS
SELECT
    *,
    placed_ms - lag(placed_ms) OVER (PARTITION BY party ORDER BY placed_ms, order_id) AS gap_ms,
    count(*) OVER (PARTITION BY party) = 1 AS is_only
FROM orders
WHERE kept;

-- Who has not bought for more than 90 days has lapsed 90 days after the last order, in the future or not.
CREATE OR REPLACE TEMP TABLE buyer_turns AS
WITH neighbours AS (
    SELECT *, lead(gap_ms) OVER (PARTITION BY party ORDER BY placed_ms, order_id) AS next_gap_ms
    FROM purchases
)
SELECT party, placed_ms AS turned_ms, 'begins' AS turn, gap_ms IS NOT NULL AS again
FROM neighbours
WHERE gap_ms IS NULL OR gap_ms > days_ms(90)
UNION ALL
SELECT party, placed_ms + days_ms(90), 'lapses', false
FROM neighbours
WHERE next_gap_ms IS NULL OR next_gap_ms > days_ms(90);

-- What a party brought, order by order and refund by refund.
CREATE OR REPLACE TEMP TABLE buyer_moves AS
SELECT party, placed_ms AS moved_ms, amount AS move, true AS places FROM orders
UNION ALL
SELECT party, refunded_ms, -amount, false FROM refunds;
