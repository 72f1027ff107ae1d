-- Leads and tickets under the clock of business calendars. An observation counts in every window that its time is in.

INSERT INTO observations BY NAME
SELECT
    'lead_response_time_business' AS kpi,
    responded_ms AS time_ms,
    business_wait_ms AS duration_ms,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'owner': owner, 'source': source, 'channel': channel} AS dims
FROM business_responses;

-- Of what still waits, windows.sql adds the ages to the live one.
INSERT INTO observations BY NAME
SELECT
    kpi,
    a.answered_ms AS time_ms,
    answered.business_ms - clock.business_ms AS duration_ms,
    1 AS samples,
    t.party,
    t.ticket_id AS entity,
    CASE kpi
        WHEN 'first_response_time_business'
            THEN MAP {'team': a.team, 'agent': a.agent, 'channel': a.channel, 'priority': a.priority}
        ELSE MAP {'team': a.team, 'priority': a.priority}
    END AS dims
FROM ticket_answers AS a
JOIN tickets AS t USING (ticket_no)
JOIN business_times AS answered ON answered.ticket_no = t.ticket_no AND answered.time_ms = a.answered_ms
JOIN business_times AS clock ON clock.ticket_no = t.ticket_no AND clock.time_ms = t.clock_ms
CROSS JOIN (VALUES ('first_response_time_business'), ('first_response_time_live_business')) AS kpis (kpi);

CREATE OR REPLACE TEMP TABLE unanswered_business AS
SELECT u.*, now.business_ms - clock.business_ms AS age_ms
FROM unanswered AS u
JOIN business_times AS now ON now.ticket_no = u.ticket_no AND now.time_ms = getvariable('at_ms')
JOIN business_times AS clock ON clock.ticket_no = u.ticket_no AND clock.time_ms = u.clock_ms;

INSERT INTO observations BY NAME
SELECT
    'unanswered_over_target_business' AS kpi,
    clock_ms AS time_ms,
    (age_ms > getvariable('first_response_business_target_ms'))::INTEGER AS numerator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM unanswered_business;

INSERT INTO beginnings
SELECT 'unanswered_over_target_business', min(created_ms)
FROM tickets;

INSERT INTO observations BY NAME
SELECT
    'resolution_time_first_business' AS kpi,
    s.solved_ms AS time_ms,
    solved.business_ms - created.business_ms AS duration_ms,
    1 AS samples,
    t.party,
    t.ticket_id AS entity,
    MAP {'team': s.team, 'agent': s.agent, 'category': s.category, 'priority': s.priority} AS dims
FROM ticket_solutions AS s
JOIN tickets AS t USING (ticket_no)
JOIN business_times AS solved ON solved.ticket_no = t.ticket_no AND solved.time_ms = s.solved_ms
JOIN business_times AS created ON created.ticket_no = t.ticket_no AND created.time_ms = t.created_ms;

INSERT INTO observations BY NAME
SELECT
    'resolution_time_full_business' AS kpi,
    resolved_ms AS time_ms,
    business_duration_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM full_resolutions
UNION ALL BY NAME
SELECT
    'requester_wait_time_business' AS kpi,
    resolved_ms AS time_ms,
    business_wait_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM full_resolutions;

INSERT INTO observations BY NAME
SELECT
    'sla_attainment_business' AS kpi,
    judged_ms AS time_ms,
    met::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'priority': priority, 'category': category} AS dims
FROM deadlines
WHERE clock = 'business';
