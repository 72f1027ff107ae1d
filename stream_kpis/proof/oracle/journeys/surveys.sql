-- Surveys: what was sent, what was answered. Scores in micro-units. Makes: surveys.

CREATE OR REPLACE TEMP TABLE surveys AS
WITH
    told AS (
        SELECT
            party,
            survey_id,
            event_no,
            type,
            time_ms,
            min(time_ms) FILTER (type = 'survey.sent') OVER (PARTITION BY party, survey_id) AS sent_ms
        FROM events
        WHERE family = 'survey'
    ),
    turning AS (
        SELECT
            party,
            survey_id,
            min(event_no) FILTER (type = 'survey.sent') AS sent_no,
            max(event_no) FILTER (type = 'survey.answered') AS answered_no,  -- an update replaces
            min(time_ms) FILTER (type = 'survey.answered' AND time_ms >= sent_ms) AS responded_ms
        FROM told
        GROUP BY party, survey_id
    ),
    joined AS (
        SELECT
            turning.party,
            turning.survey_id,
            sent.time_ms AS sent_ms,
            answered.time_ms AS answered_ms,
            turning.answered_no,
            turning.responded_ms,
            sent.kind AS sent_kind,
            coalesce(sent.kind, answered.kind) AS kind,
            answered.score,
            coalesce(answered.scale_min, sent.scale_min) AS given_min,
            coalesce(answered.scale_max, sent.scale_max) AS given_max,
            coalesce(sent.team, answered.team, 'unknown') AS team,
            coalesce(sent.agent_id, answered.agent_id, 'unknown') AS agent,
            coalesce(sent.account_id, answered.account_id) AS account_id,
            coalesce(sent.ticket_id, answered.ticket_id) IS NOT NULL AS transactional
        FROM turning
        LEFT JOIN events AS sent ON sent.event_no = sent_no
        LEFT JOIN events AS answered ON answered.event_no = answered_no
    ),
    usual(kind, usual_min, usual_max) AS (
        VALUES ('csat', 1_000_000, 5_000_000), ('nps', 0, 10_000_000), ('ces', 1_000_000, 7_000_000)
    )
SELECT
    joined.*,
    coalesce(given_min, usual_min) AS scale_min,
    coalesce(given_max, usual_max) AS scale_max,
    coalesce(score BETWEEN scale_min AND scale_max AND scale_min < scale_max, false) AS in_scale
FROM joined
LEFT JOIN usual USING (kind);
