-- Which e-mail an order belongs to. Scope: the party. Reads orders, email_steps and emails.
-- Makes: email_orders, email_order_refunds, email_conversions.

-- That of the last click in order which is at most 5 days older than the order. Dimensions are those of the e-mail that
-- the click belongs to, or the click's, if it belongs to none.
CREATE OR REPLACE TEMP TABLE email_orders AS
WITH last_clicks AS (
    SELECT o.party, o.order_id, max(e.event_no) AS event_no
    FROM orders AS o
    JOIN email_steps AS e ON e.party = o.party AND e.time_ms BETWEEN o.placed_ms - days_ms(5) AND o.placed_ms
    WHERE e.type = 'email.clicked'
    GROUP BY o.party, o.order_id
)
SELECT
    o.party,
    o.order_id,
    o.placed_ms,
    o.amount,
    click.begun_no,
    click.campaign_id AS campaign,
    coalesce(emails.variant, click.variant, 'unknown') AS variant,
    coalesce(emails.subject, click.subject_line, 'unknown') AS subject,
    coalesce(emails.call_to_action, click.call_to_action, 'unknown') AS call_to_action,
    emails.delivered_ms
FROM last_clicks AS last
JOIN orders AS o USING (party, order_id)
JOIN email_steps AS click ON click.event_no = last.event_no
LEFT JOIN emails ON emails.begun_no = click.begun_no;

CREATE OR REPLACE TEMP TABLE email_order_refunds AS
SELECT r.party, r.order_id, r.refunded_ms, r.amount, o.campaign, o.variant, o.subject, o.call_to_action
FROM refunds AS r
JOIN email_orders AS o USING (party, order_id);

-- Of each e-mail the first order that it brought since it was delivered.
CREATE OR REPLACE TEMP TABLE email_conversions AS
SELECT
    begun_no,
    party,
    campaign,
    variant,
    subject,
    call_to_action,
    delivered_ms,
    min(placed_ms) AS converted_ms
FROM email_orders
WHERE placed_ms >= delivered_ms
GROUP BY ALL;
