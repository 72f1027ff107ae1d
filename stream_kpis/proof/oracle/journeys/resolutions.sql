-- What becomes of tickets: opened, fully resolved, on time. Reads: tickets, business_times, ticket_deadlines.
-- Makes: opened_tickets, full_resolutions, deadlines.

-- Tickets that count as opened, with the dimensions of the creation; but the category is the one that it has now.
CREATE OR REPLACE TEMP TABLE opened_tickets AS
SELECT
    t.party,
    t.ticket_id,
    t.ticket_no,
    t.created_ms,
    t.channel,
    t.category,
    s.team,
    s.agent,
    s.priority
FROM tickets AS t
JOIN ticket_steps AS s ON s.event_no = t.ticket_no
WHERE t.opened;

-- Of every ticket that is solved now: the solve since which it is.
CREATE OR REPLACE TEMP TABLE full_resolutions AS
WITH
    last_solves AS (
        SELECT t.ticket_no, max(s.event_no) AS event_no
        FROM tickets AS t
        JOIN ticket_steps AS s USING (ticket_no)
        WHERE t.solved AND s.solves
        GROUP BY t.ticket_no
    ),
    -- From each step before it to the next one: whether the ticket was solved, or pending.
    statuses AS (
        SELECT
            s.ticket_no,
            s.event_no,
            s.solved,
            last_value(s.sets_status IGNORE NULLS) OVER (steps ROWS UNBOUNDED PRECEDING) = 'pending' AS pending,
            lead(s.time_ms) OVER steps - s.time_ms AS lasted_ms,
            lead(b.business_ms) OVER steps - b.business_ms AS lasted_business_ms
        FROM ticket_steps AS s
        JOIN business_times AS b USING (ticket_no, time_ms)
        SEMI JOIN last_solves USING (ticket_no)
        WINDOW steps AS (PARTITION BY s.ticket_no ORDER BY s.event_no)
    ),
    pauses AS (
        SELECT
            ticket_no,
            coalesce(sum(lasted_ms) FILTER (solved), 0) AS solved_ms,
            coalesce(sum(lasted_ms) FILTER (pending), 0) AS pending_ms,
            coalesce(sum(lasted_business_ms) FILTER (solved), 0) AS solved_business_ms,
            coalesce(sum(lasted_business_ms) FILTER (pending), 0) AS pending_business_ms
        FROM statuses AS s
        JOIN last_solves USING (ticket_no)
        WHERE s.event_no < last_solves.event_no
        GROUP BY ticket_no
    )
SELECT
    t.party,
    t.ticket_id,
    s.time_ms AS resolved_ms,
    s.time_ms - t.created_ms - p.solved_ms AS duration_ms,
    duration_ms - p.pending_ms AS wait_ms,
    solved.business_ms - created.business_ms - p.solved_business_ms AS business_duration_ms,
    business_duration_ms - p.pending_business_ms AS business_wait_ms,
    s.team,
    s.agent,
    s.category,
    s.priority
FROM last_solves
JOIN ticket_steps AS s USING (ticket_no, event_no)
JOIN tickets AS t USING (ticket_no)
JOIN pauses AS p USING (ticket_no)
JOIN business_times AS solved ON solved.ticket_no = t.ticket_no AND solved.time_ms = s.time_ms
JOIN business_times AS created ON created.ticket_no = t.ticket_no AND created.time_ms = t.created_ms;

-- Of every ticket that counts as opened, under each clock: met, at the first solve, or breached, at the deadline, be it
-- still ahead. Without a deadline a solve is in time, whenever it comes.
-- The dimensions are those just after the solve or after the last event up to the deadline; the priority is the
-- creation's.
CREATE OR REPLACE TEMP TABLE deadlines AS
WITH
    due AS (
        SELECT
            o.*,
            d.clock,
            d.deadline_ms,
            solution.solved_ms,
            solution.solution_no,
            solution.solved_ms IS NOT NULL AND coalesce(solution.solved_ms <= d.deadline_ms, true) AS met
        FROM opened_tickets AS o
        JOIN ticket_deadlines AS d USING (ticket_no)
        LEFT JOIN ticket_solutions AS solution USING (ticket_no)
    ),
    up_to_the_deadline AS (
        SELECT ticket_no, clock, max(s.event_no) AS event_no
        FROM due
        JOIN ticket_steps AS s USING (ticket_no)
        WHERE s.time_ms <= deadline_ms
        GROUP BY ticket_no, clock
    )
SELECT
    d.party,
    d.ticket_id,
    d.clock,
    d.met,
    CASE WHEN d.met THEN d.solved_ms ELSE d.deadline_ms END AS judged_ms,
    s.team,
    s.agent,
    s.category,
    d.priority
FROM due AS d
LEFT JOIN up_to_the_deadline AS last USING (ticket_no, clock)
JOIN ticket_steps AS s ON s.event_no = CASE WHEN d.met THEN d.solution_no ELSE last.event_no END;
