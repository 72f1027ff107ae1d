-- Tickets opened, resolved, waiting, on time. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'tickets_opened' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'channel': channel, 'category': category, 'team': team, 'priority': priority} AS dims
FROM opened_tickets;

INSERT INTO observations BY NAME
SELECT
    'support_contacts' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'channel': channel, 'category': category} AS dims
FROM opened_tickets;

INSERT INTO observations BY NAME
SELECT
    'tickets_resolved' AS kpi,
    solved_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM ticket_solutions;

INSERT INTO observations BY NAME
SELECT
    'resolutions' AS kpi,
    s.time_ms,
    1 AS numerator,
    1 AS samples,
    t.party,
    t.ticket_id AS entity,
    MAP {'team': s.team, 'agent': s.agent, 'category': s.category, 'priority': s.priority} AS dims
FROM ticket_steps AS s
JOIN tickets AS t USING (ticket_no)
WHERE s.solves;

-- Resolved at the solve over opened at the creation; both of tickets that count as opened.
INSERT INTO observations BY NAME
SELECT
    'ticket_throughput_ratio' AS kpi,
    solved_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM ticket_solutions
WHERE opened
UNION ALL BY NAME
SELECT
    'ticket_throughput_ratio' AS kpi,
    created_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM opened_tickets;

INSERT INTO observations BY NAME
SELECT
    'ticket_category_share' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'category': category} AS dims
FROM opened_tickets;

-- Per mean active: windows.sql adds the time that customers spent.
INSERT INTO observations BY NAME
SELECT
    'ticket_contact_rate' AS kpi,
    created_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'channel': channel, 'category': category} AS dims
FROM opened_tickets;

-- Cohort: at the first solve; reopened at most 7 days later.
INSERT INTO observations BY NAME
SELECT
    'reopen_rate' AS kpi,
    solved_ms AS time_ms,
    coalesce(reopened_ms - solved_ms <= days_ms(7), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM ticket_solutions
LEFT JOIN reopenings USING (ticket_no);

INSERT INTO observations BY NAME
SELECT
    'resolution_time_full' AS kpi,
    resolved_ms AS time_ms,
    duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM full_resolutions;

INSERT INTO observations BY NAME
SELECT
    'requester_wait_time' AS kpi,
    resolved_ms AS time_ms,
    wait_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'priority': priority} AS dims
FROM full_resolutions;

-- Cohort: at the first solve; it held if nothing spoke against it up to 7 days later.
INSERT INTO observations BY NAME
SELECT
    'first_contact_resolution_rate' AS kpi,
    solved_ms AS time_ms,
    1 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'channel': channel} AS dims
FROM ticket_solutions
WHERE opened
UNION ALL BY NAME
SELECT
    'first_contact_resolution_rate' AS kpi,
    solved_ms AS time_ms,
    -1 AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'category': category, 'channel': channel} AS dims
FROM failures
WHERE failed_ms - solved_ms <= days_ms(7);

INSERT INTO observations BY NAME
SELECT
    'sla_attainment' AS kpi,
    judged_ms AS time_ms,
    met::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'agent': agent, 'priority': priority, 'category': category} AS dims
FROM deadlines
WHERE clock = 'wall';
