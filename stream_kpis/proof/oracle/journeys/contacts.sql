-- Interactions and complaints: the first event of each counts. Makes: interactions, complaints.

-- An interaction without an id is one by itself.
CREATE OR REPLACE TEMP TABLE interactions AS
WITH first AS (
    SELECT min(event_no) AS event_no
    FROM events
    WHERE type = 'interaction.logged'
    GROUP BY party, interaction_id, CASE WHEN interaction_id IS NULL THEN event_no END
)
SELECT
    party,
    coalesce(interaction_id, id) AS interaction_id,
    time_ms AS made_ms,
    direction,
    yes_no(automated) AS automated,
    coalesce(channel, 'unknown') AS channel,
    coalesce(owner_id, 'unknown') AS owner,
    direction = 'out' AND NOT e.automated AS touches
FROM first
JOIN events AS e USING (event_no);

-- Whether it was upheld says the first closing that says it, before or after.
CREATE OR REPLACE TEMP TABLE complaints AS
WITH turning AS (
    SELECT
        party,
        complaint_id,
        min(event_no) FILTER (type = 'complaint.received') AS received_no,
        arg_min(upheld, event_no) FILTER (type = 'complaint.closed' AND upheld IS NOT NULL) AS upheld
    FROM events
    WHERE family = 'complaint'
    GROUP BY party, complaint_id
)
SELECT
    turning.party,
    turning.complaint_id,
    e.time_ms AS received_ms,
    coalesce(e.category, 'unknown') AS category,
    coalesce(e.severity, 'unknown') AS severity,
    yes_no(turning.upheld) AS upheld
FROM turning
JOIN events AS e ON e.event_no = received_no;
