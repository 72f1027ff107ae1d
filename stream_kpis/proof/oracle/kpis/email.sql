-- E-mail. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'email_sent' AS kpi,
    sent_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    campaign AS entity,
    MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS dims
FROM emails
WHERE sent_ms IS NOT NULL;

INSERT INTO observations BY NAME
SELECT
    'email_delivered' AS kpi,
    delivered_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    campaign AS entity,
    MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS dims
FROM emails
WHERE delivered_ms IS NOT NULL;

-- Cohorts: at the sending or the delivery; what follows counts up to 5 days later.
INSERT INTO observations BY NAME
WITH delivered AS (
    SELECT
        *,
        coalesce(opened_ms - delivered_ms <= days_ms(5), false)::INTEGER AS opened,
        coalesce(clicked_ms - delivered_ms <= days_ms(5), false)::INTEGER AS clicked,
        coalesce(unsubscribed_ms - delivered_ms <= days_ms(5), false)::INTEGER AS unsubscribed,
        coalesce(complained_ms - delivered_ms <= days_ms(5), false)::INTEGER AS complained,
        MAP {'campaign': campaign, 'variant': variant} AS by_variant,
        MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'call_to_action': call_to_action} AS by_all,
        MAP {'campaign': campaign, 'variant': variant, 'subject': subject, 'length': "length"} AS by_text,
        MAP {'campaign': campaign, 'variant': variant, 'length': "length", 'images': images} AS by_size
    FROM emails
    WHERE delivered_ms IS NOT NULL
),
cohorts AS (
    SELECT 'email_open_rate' AS kpi, opened AS numerator, 1 AS denominator, by_all AS dims, * FROM delivered
    UNION ALL BY NAME
    SELECT 'email_click_rate' AS kpi, clicked AS numerator, 1 AS denominator, by_all AS dims, * FROM delivered
    UNION ALL BY NAME
    SELECT 'email_ctor' AS kpi, clicked AS numerator, opened AS denominator, by_text AS dims, * FROM delivered
    UNION ALL BY NAME
    SELECT 'email_unsubscribe_rate' AS kpi, unsubscribed AS numerator, 1 AS denominator, by_size AS dims, *
    FROM delivered
    UNION ALL BY NAME
    SELECT 'email_spam_complaint_rate' AS kpi, complained AS numerator, 1 AS denominator, by_variant AS dims, *
    FROM delivered
)
SELECT
    kpi,
    delivered_ms AS time_ms,
    numerator,
    denominator,
    denominator AS samples,
    party,
    campaign AS entity,
    dims
FROM cohorts;

INSERT INTO observations BY NAME
SELECT
    'email_bounce_rate' AS kpi,
    sent_ms AS time_ms,
    coalesce(bounced_ms - sent_ms <= days_ms(5), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    campaign AS entity,
    MAP {'campaign': campaign, 'variant': variant} AS dims
FROM emails
WHERE sent_ms IS NOT NULL;

INSERT INTO observations BY NAME
SELECT
    'email_list_size' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    move AS samples,
    party,
    MAP {'campaign': campaign} AS dims
FROM list_moves;

INSERT INTO beginnings
SELECT 'email_list_size', min(moved_ms)
FROM list_moves;

-- How the level moved within the window; windows.sql adds what it was before.
INSERT INTO observations BY NAME
SELECT
    'email_list_growth' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'campaign': campaign} AS dims
FROM list_moves;
