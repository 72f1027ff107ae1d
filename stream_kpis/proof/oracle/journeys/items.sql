-- What orders are made of. Reads orders. Makes: order_items.

-- The items that name an amount; an order without such is one item.
CREATE OR REPLACE TEMP TABLE order_items AS
WITH itemised AS (
    SELECT
        party,
        order_id,
        placed_ms,
        unnest(coalesce(lines, [{'product': product, 'amount': amount, 'thousandths': 1000}])) AS item
    FROM orders
)
SELECT party, order_id, placed_ms, item.product, item.amount, item.thousandths
FROM itemised;
