-- Tickets: what is answered, solved, reopened and open.
-- Makes: tickets, ticket_steps, ticket_moves, ticket_answers, ticket_solutions, reopenings.

-- A ticket begins with its first creation; a merged or deleted one never was.
CREATE OR REPLACE TEMP TABLE tickets_created AS
WITH
    gone AS (SELECT DISTINCT party, ticket_id FROM events WHERE type IN ('ticket.merged', 'ticket.deleted')),
    first AS (
        SELECT party, ticket_id, min(event_no) AS event_no
        FROM events
        WHERE type = 'ticket.created'
        GROUP BY party, ticket_id
    )
SELECT
    party,
    ticket_id,
    event_no AS ticket_no,  -- the creation's place in the order names the ticket from here on
    e.time_ms AS created_ms,
    e.created_by,
    e.created_by <> 'agent' AS opened,
    e.category,
    e.priority,
    e.calendar,
    coalesce(e.channel, 'unknown') AS channel
FROM first
JOIN events AS e USING (party, ticket_id, event_no)
ANTI JOIN gone USING (party, ticket_id);

-- The events of each ticket from its creation on, with the running dimensions and the state just after each.
CREATE OR REPLACE TEMP TABLE ticket_steps AS
WITH
    steps AS (
        SELECT
            t.ticket_no,
            t.created_by,
            e.*,
            e.type = 'ticket.message' AND e.public AND e.author = 'customer' AS asks,
            e.type = 'ticket.message' AND e.public AND e.author = 'agent' AS answers,
            -- Only an agent's message moves the ticket to its agent and team.
            e.type IN ('ticket.created', 'ticket.assigned', 'ticket.status_changed') OR e.author = 'agent' AS staffs,
            CASE
                WHEN e.type = 'ticket.reopened' THEN false
                WHEN e.type = 'ticket.status_changed' THEN e.status IN ('solved', 'closed')
            END AS sets_solved
        FROM tickets_created AS t
        JOIN events AS e USING (party, ticket_id)
        -- Complaints and surveys may name a ticket too.
        WHERE
            e.family = 'ticket'
            AND (e.event_no = t.ticket_no OR (e.event_no > t.ticket_no AND e.type <> 'ticket.created'))
    ),
    running AS (
        SELECT
            *,
            last_value(category IGNORE NULLS) OVER so_far AS category_now,
            last_value(priority IGNORE NULLS) OVER so_far AS priority_now,
            last_value(CASE WHEN staffs THEN team END IGNORE NULLS) OVER so_far AS team_now,
            last_value(CASE WHEN staffs THEN agent_id END IGNORE NULLS) OVER so_far AS agent_now,
            coalesce(last_value(sets_solved IGNORE NULLS) OVER so_far, false) AS solved,
            coalesce(last_value(sets_solved IGNORE NULLS) OVER earlier, false) AS solved_before
        FROM steps
        WINDOW
            so_far AS (PARTITION BY ticket_no ORDER BY event_no ROWS UNBOUNDED PRECEDING),
            earlier AS (
                PARTITION BY ticket_no ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
    )
SELECT
    ticket_no,
    event_no,
    time_ms,
    created_by,
    asks,
    answers,
    solved,
    solved AND NOT solved_before AS solves,
    solved_before AND NOT solved AS reopens,
    CASE
        WHEN event_no = ticket_no OR (type = 'ticket.reopened' AND reopens) THEN 'open'
        WHEN type = 'ticket.status_changed' THEN status
    END AS sets_status,
    category_now AS named_category,  -- NULL if none was named
    coalesce(category_now, 'unknown') AS category,
    coalesce(priority_now, 'unknown') AS priority,
    coalesce(team_now, 'unknown') AS team,
    coalesce(agent_now, 'unknown') AS agent
FROM running;

-- One row per ticket: its turning points (places in the order) and its last step.
CREATE OR REPLACE TEMP TABLE tickets AS
WITH
    -- The clock starts at the creation; if an agent created the ticket, at the customer's first public message.
    clocks AS (
        SELECT
            ticket_no,
            CASE WHEN any_value(created_by) = 'agent' THEN min(event_no) FILTER (asks) ELSE ticket_no END AS clock_no,
            min(event_no) FILTER (solved) AS solution_no,
            max(event_no) AS last_no
        FROM ticket_steps
        GROUP BY ticket_no
    ),
    answers AS (
        SELECT ticket_no, min(event_no) AS answer_no
        FROM ticket_steps
        JOIN clocks USING (ticket_no)
        WHERE answers AND event_no > clock_no
        GROUP BY ticket_no
    ),
    -- A reopening while unanswered starts a started clock anew.
    starts AS (
        SELECT ticket_no, max(s.time_ms) AS clock_ms
        FROM ticket_steps AS s
        JOIN clocks USING (ticket_no)
        LEFT JOIN answers USING (ticket_no)
        WHERE
            s.event_no = clock_no
            OR (s.reopens AND s.event_no > clock_no AND (answer_no IS NULL OR s.event_no < answer_no))
        GROUP BY ticket_no
    )
SELECT
    t.party,
    t.ticket_id,
    t.ticket_no,
    t.created_ms,
    t.opened,
    t.category AS named_category,  -- at the creation, NULL if none was named
    t.priority AS named_priority,
    t.calendar AS named_calendar,
    t.channel,
    starts.clock_ms,
    answers.answer_no,
    clocks.solution_no,
    last.solved,
    last.category,
    last.priority,
    last.team,
    last.agent
FROM tickets_created AS t
JOIN clocks USING (ticket_no)
JOIN ticket_steps AS last ON last.event_no = clocks.last_no
LEFT JOIN answers USING (ticket_no)
LEFT JOIN starts USING (ticket_no);

-- How the level of open tickets moves: at each step from what ran before it to what runs since.
CREATE OR REPLACE TEMP TABLE ticket_moves AS
WITH moves AS (
    SELECT ticket_no, event_no, time_ms AS moved_ms, 1 AS move
    FROM ticket_steps
    UNION ALL
    SELECT ticket_no, lag(event_no) OVER steps, time_ms, -1
    FROM ticket_steps
    WINDOW steps AS (PARTITION BY ticket_no ORDER BY event_no)
)
SELECT t.party, t.ticket_id, m.moved_ms, m.move, s.category, s.priority, s.team, s.agent
FROM moves AS m
JOIN ticket_steps AS s USING (ticket_no, event_no)
JOIN tickets AS t USING (ticket_no)
WHERE NOT s.solved;

-- First responses and first resolutions, with the running dimensions just after the step that made them.
CREATE OR REPLACE TEMP TABLE ticket_answers AS
SELECT
    t.party,
    t.ticket_id,
    t.ticket_no,
    t.channel,
    s.time_ms AS answered_ms,
    s.time_ms - t.clock_ms AS wait_ms,
    s.team,
    s.agent,
    s.priority
FROM tickets AS t
JOIN ticket_steps AS s ON s.event_no = t.answer_no;

CREATE OR REPLACE TEMP TABLE ticket_solutions AS
SELECT
    t.party,
    t.ticket_id,
    s.time_ms AS solved_ms,
    s.time_ms - t.created_ms AS duration_ms,
    s.team,
    s.agent,
    s.category,
    s.priority,
    t.ticket_no,
    t.opened,
    t.channel,
    s.event_no AS solution_no,
    s.named_category
FROM tickets AS t
JOIN ticket_steps AS s ON s.event_no = t.solution_no;

-- The first reopening after the first solve.
CREATE OR REPLACE TEMP TABLE reopenings AS
SELECT ticket_no, min(s.time_ms) AS reopened_ms
FROM ticket_solutions AS t
JOIN ticket_steps AS s USING (ticket_no)
WHERE s.reopens AND s.event_no > t.solution_no
GROUP BY ticket_no;
