-- Tickets and surveys. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'first_response_time' AS kpi,
    answered_ms AS time_ms,
    wait_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'channel': channel, 'priority': priority} AS dims
FROM ticket_answers;

-- Of what still waits, windows.sql adds the ages.
INSERT INTO observations BY NAME
SELECT
    'first_response_time_live' AS kpi,
    answered_ms AS time_ms,
    wait_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM ticket_answers;

CREATE OR REPLACE TEMP TABLE unanswered AS
SELECT ticket_no, party, ticket_id, clock_ms, team, priority
FROM tickets
WHERE clock_ms IS NOT NULL AND answer_no IS NULL AND NOT solved;

INSERT INTO observations BY NAME
SELECT
    'unanswered_over_target' AS kpi,
    clock_ms AS time_ms,
    (clock_ms < getvariable('at_ms') - getvariable('first_response_target_ms'))::INTEGER AS numerator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM unanswered;

INSERT INTO observations BY NAME
SELECT
    'resolution_time_first' AS kpi,
    solved_ms AS time_ms,
    duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM ticket_solutions;

INSERT INTO observations BY NAME
SELECT
    'tickets_open' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    move AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority, 'category': category, 'agent': agent} AS dims
FROM ticket_moves;

INSERT INTO beginnings
SELECT kpi, min(created_ms)
FROM tickets
CROSS JOIN (VALUES ('unanswered_over_target'), ('tickets_open')) AS kpis (kpi)
GROUP BY kpi;

-- A scale of up to 3 points has one satisfied answer at its top, up to 7 points two, up to 11 three, a longer one three
-- tenths of them; as many at its bottom are dissatisfied.
CREATE OR REPLACE TEMP TABLE csat AS
SELECT
    *,
    scale_max - scale_min + 1_000_000 AS points,
    CASE
        WHEN points <= 3_000_000 THEN 1_000_000
        WHEN points <= 7_000_000 THEN 2_000_000
        WHEN points <= 11_000_000 THEN 3_000_000
        ELSE 3 * points // 10_000_000 * 1_000_000
    END AS top
FROM surveys
WHERE kind = 'csat' AND in_scale;

INSERT INTO observations BY NAME
SELECT
    'csat_ratio' AS kpi,
    answered_ms AS time_ms,
    (score >= scale_max - top + 1_000_000)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    survey_id AS entity,
    MAP {'team': team, 'agent': agent} AS dims
FROM csat;

INSERT INTO observations BY NAME
SELECT
    'dissatisfaction_ratio' AS kpi,
    answered_ms AS time_ms,
    (score <= scale_min + top - 1_000_000)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    survey_id AS entity,
    MAP {'team': team, 'agent': agent} AS dims
FROM csat;

-- Rescaled to 1-5, in micro-units; nothing is below zero, so integer division rounds down.
INSERT INTO observations BY NAME
SELECT
    'csat_mean' AS kpi,
    answered_ms AS time_ms,
    1_000_000 + (score - scale_min)::HUGEINT * 4_000_000 // (scale_max - scale_min) AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    survey_id AS entity,
    MAP {'team': team, 'agent': agent} AS dims
FROM csat;

-- Cohort: at the sending; first answered at most H later.
INSERT INTO observations BY NAME
SELECT
    'survey_response_rate' AS kpi,
    sent_ms AS time_ms,
    coalesce(responded_ms - sent_ms <= getvariable('horizon_ms'), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    survey_id AS entity,
    MAP {'kind': sent_kind, 'team': team} AS dims
FROM surveys
WHERE sent_ms IS NOT NULL;

-- About us, or about a ticket.
INSERT INTO observations BY NAME
SELECT
    CASE WHEN transactional THEN 'nps_transactional' ELSE 'nps' END AS kpi,
    answered_ms AS time_ms,
    (score >= 9_000_000)::INTEGER - (score <= 6_000_000)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    survey_id AS entity,
    CASE WHEN transactional THEN MAP {'team': team, 'agent': agent} ELSE MAP {} END AS dims
FROM surveys
WHERE kind = 'nps' AND in_scale AND scale_min = 0 AND scale_max = 10_000_000;

INSERT INTO observations BY NAME
SELECT
    'nps_account' AS kpi,
    answered_ms AS time_ms,
    verdict AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    account AS entity
FROM nps_accounts;
