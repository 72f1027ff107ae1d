-- E-mails, one per sending, and what follows them. Makes: email_steps, emails.

-- The events of a party and campaign, each with the event that began its e-mail: a sending, or a delivery that finds no
-- e-mail without one. What comes before all e-mails is of none.
CREATE OR REPLACE TEMP TABLE email_steps AS
WITH
    turns AS (
        SELECT
            *,
            last_value(CASE WHEN type IN ('email.sent', 'email.delivered') THEN type END IGNORE NULLS) OVER (
                PARTITION BY party, campaign_id ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS turn_before
        FROM events
        WHERE family = 'email'
    )
SELECT
    party,
    campaign_id,
    event_no,
    type,
    time_ms,
    machine,
    variant,
    subject_line,
    call_to_action,
    "length",
    images,
    last_value(
        CASE
            WHEN type = 'email.sent' THEN event_no
            WHEN type = 'email.delivered' AND turn_before IS DISTINCT FROM 'email.sent' THEN event_no
        END
        IGNORE NULLS
    ) OVER (PARTITION BY party, campaign_id ORDER BY event_no ROWS UNBOUNDED PRECEDING) AS begun_no
FROM turns;

-- Each has one sending, one delivery or both; its dimensions are those that the event names which began it.
CREATE OR REPLACE TEMP TABLE emails AS
WITH
    begun AS (
        SELECT
            begun_no,
            any_value(time_ms) FILTER (type = 'email.sent') AS sent_ms,
            any_value(time_ms) FILTER (type = 'email.delivered') AS delivered_ms
        FROM email_steps
        WHERE begun_no IS NOT NULL
        GROUP BY begun_no
    ),
    -- The first of each kind at or after the sending or the delivery.
    reactions AS (
        SELECT
            begun_no,
            sent_ms,
            delivered_ms,
            min(e.time_ms) FILTER (e.type = 'email.bounced' AND e.time_ms >= sent_ms) AS bounced_ms,
            min(e.time_ms) FILTER (
                e.type = 'email.opened' AND NOT e.machine AND e.time_ms >= delivered_ms
            ) AS opened_ms,
            min(e.time_ms) FILTER (e.type = 'email.clicked' AND e.time_ms >= delivered_ms) AS clicked_ms,
            min(e.time_ms) FILTER (e.type = 'email.unsubscribed' AND e.time_ms >= delivered_ms) AS unsubscribed_ms,
            min(e.time_ms) FILTER (e.type = 'email.complained' AND e.time_ms >= delivered_ms) AS complained_ms
        FROM begun
        JOIN email_steps AS e USING (begun_no)
        GROUP BY begun_no, sent_ms, delivered_ms
    )
SELECT
    reactions.*,
    beginning.party,
    beginning.campaign_id AS campaign,
    coalesce(beginning.variant, 'unknown') AS variant,
    coalesce(beginning.subject_line, 'unknown') AS subject,
    coalesce(beginning.call_to_action, 'unknown') AS call_to_action,
    coalesce(beginning."length"::VARCHAR, 'unknown') AS "length",
    coalesce(beginning.images::VARCHAR, 'unknown') AS images
FROM reactions
JOIN email_steps AS beginning ON beginning.event_no = reactions.begun_no;
