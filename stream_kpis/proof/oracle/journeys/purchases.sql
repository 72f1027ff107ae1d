-- The kept orders of a party, one after the other. Scope: the party. Reads orders. Makes: purchases.

CREATE OR REPLACE TEMP TABLE purchases AS
SELECT
    *,
    placed_ms - lag(placed_ms) OVER (PARTITION BY party ORDER BY placed_ms, order_id) AS gap_ms,
    count(*) OVER (PARTITION BY party) = 1 AS is_only
FROM orders
WHERE kept;
