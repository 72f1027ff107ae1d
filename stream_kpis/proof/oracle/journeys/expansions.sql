-- What a party adds to what it buys, and what it buys first. Scope: the party. Reads deals, orders and customers.
-- Makes: expansions, expanders, first_purchases.

CREATE OR REPLACE TEMP TABLE expansions AS
SELECT party, deal_id AS entity, closed_ms AS expanded_ms, coalesce(amount, 0) AS worth, kind, product, owner
FROM deals
WHERE won AND kind IN ('upsell', 'cross_sell')
UNION ALL BY NAME
SELECT
    party,
    '' AS entity,
    changed_ms AS expanded_ms,
    difference AS worth,
    'plan' AS kind,
    'unknown' AS product,
    'unknown' AS owner
FROM plan_changes
WHERE difference > 0
UNION ALL BY NAME
SELECT party, order_id AS entity, placed_ms AS expanded_ms, amount - refunded AS worth, 'order' AS kind, product, owner
FROM orders
WHERE kept AND upsell;

-- The last expansion of each party inside a spell, and when that spell began.
CREATE OR REPLACE TEMP TABLE expanders AS
SELECT party, max(e.expanded_ms) AS last_ms, arg_max(s.began_ms, e.expanded_ms) AS joined_ms
FROM expansions AS e
JOIN spells AS s USING (party)
WHERE e.expanded_ms >= s.began_ms AND (s.ended_ms IS NULL OR e.expanded_ms < s.ended_ms)
GROUP BY party;

CREATE OR REPLACE TEMP TABLE first_purchases AS
WITH bought AS (
    SELECT party, closed_ms AS bought_ms, 0 AS precedence, deal_id AS entity, owner, product
    FROM deals
    WHERE won
    UNION ALL
    SELECT party, placed_ms, 1, order_id, owner, product
    FROM orders
    WHERE kept
)
SELECT *
FROM bought
QUALIFY row_number() OVER (PARTITION BY party ORDER BY bought_ms, precedence, entity) = 1;
