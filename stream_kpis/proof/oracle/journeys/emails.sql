-- E-mails, one per party and campaign, and what follows them. Makes: emails.

CREATE OR REPLACE TEMP TABLE emails AS
WITH
    turning AS (
        SELECT
            party,
            campaign_id,
            min(event_no) FILTER (type = 'email.sent') AS sent_no,
            min(event_no) FILTER (type = 'email.delivered') AS delivered_no
        FROM events
        WHERE family = 'email'
        GROUP BY party, campaign_id
    ),
    begun AS (
        SELECT
            turning.party,
            turning.campaign_id,
            sent.time_ms AS sent_ms,
            delivered.time_ms AS delivered_ms,
            coalesce(named.variant, 'unknown') AS variant,
            coalesce(named.subject_line, 'unknown') AS subject,
            coalesce(named.call_to_action, 'unknown') AS call_to_action
        FROM turning
        LEFT JOIN events AS sent ON sent.event_no = sent_no
        LEFT JOIN events AS delivered ON delivered.event_no = delivered_no
        JOIN events AS named ON named.event_no = coalesce(sent_no, delivered_no)
    ),
    -- The first of each kind at or after the sending or the delivery.
    reactions AS (
        SELECT
            b.party,
            b.campaign_id,
            min(e.time_ms) FILTER (e.type = 'email.bounced' AND e.time_ms >= sent_ms) AS bounced_ms,
            min(e.time_ms) FILTER (
                e.type = 'email.opened' AND NOT e.machine AND e.time_ms >= delivered_ms
            ) AS opened_ms,
            min(e.time_ms) FILTER (e.type = 'email.clicked' AND e.time_ms >= delivered_ms) AS clicked_ms,
            min(e.time_ms) FILTER (e.type = 'email.unsubscribed' AND e.time_ms >= delivered_ms) AS unsubscribed_ms,
            min(e.time_ms) FILTER (e.type = 'email.complained' AND e.time_ms >= delivered_ms) AS complained_ms
        FROM begun AS b
        JOIN events AS e USING (party, campaign_id)
        WHERE e.family = 'email'
        GROUP BY b.party, b.campaign_id
    )
SELECT *, campaign_id AS campaign
FROM begun
JOIN reactions USING (party, campaign_id);
