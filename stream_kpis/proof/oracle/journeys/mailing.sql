-- The list of who gets e-mails. Scope: the party. Makes: list_moves.

-- Who is on the list, over all campaigns: on it after a subscription, off it after the end of one.
CREATE OR REPLACE TEMP TABLE list_moves AS
WITH
    switches AS (
        SELECT
            party,
            event_no,
            time_ms,
            campaign_id,
            type = 'email.subscribed' AS listed,
            coalesce(lag(listed) OVER (PARTITION BY party ORDER BY event_no), false) AS listed_before
        FROM events
        WHERE type IN ('email.subscribed', 'email.unsubscribed')
    ),
    changes AS (FROM switches WHERE listed <> listed_before)
SELECT
    party,
    time_ms AS moved_ms,
    CASE WHEN listed THEN 1 ELSE -1 END AS move,
    CASE WHEN listed THEN campaign_id ELSE lag(campaign_id) OVER (PARTITION BY party ORDER BY event_no) END AS campaign
FROM changes;
