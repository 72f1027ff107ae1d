-- The clock of business calendars. Reads: tickets, ticket_steps, responses, calendars, open_spans, sla, variables at_ms
-- and default_calendar. Makes: ticket_calendars, business_times, ticket_deadlines, business_responses.

-- For how long a calendar was open until an instant, by the last span that begins before it; if there is none, never.
CREATE OR REPLACE TEMP MACRO open_until(at_ms, to_ms, opened_ms) AS
    coalesce(opened_ms - greatest(to_ms - at_ms, 0), 0);

-- A name without a calendar is none.
CREATE OR REPLACE TEMP TABLE ticket_calendars AS
SELECT ticket_no, coalesce(c.calendar, getvariable('default_calendar')) AS calendar
FROM tickets AS t
LEFT JOIN calendars AS c ON c.calendar = t.named_calendar;

-- The business time, by the ticket's calendar, of all that happened to it, and of now.
CREATE OR REPLACE TEMP TABLE business_times AS
WITH instants AS (
    SELECT ticket_no, time_ms FROM ticket_steps
    UNION
    SELECT ticket_no, getvariable('at_ms') AS time_ms FROM tickets
)
SELECT ticket_no, time_ms, open_until(time_ms, o.to_ms, o.opened_ms) AS business_ms
FROM instants
JOIN ticket_calendars AS c USING (ticket_no)
ASOF LEFT JOIN open_spans AS o ON o.calendar = c.calendar AND time_ms >= o.from_ms;

-- Until when each ticket is to be solved; under the clock of business: the end of the last millisecond that is needed,
-- NULL if the calendar never opens for so long.
CREATE OR REPLACE TEMP TABLE ticket_deadlines AS
WITH allowed AS (
    SELECT t.ticket_no, t.created_ms, coalesce(named.allowed_ms, other.allowed_ms) AS allowed_ms
    FROM tickets AS t
    LEFT JOIN sla AS named ON named.priority = t.named_priority
    LEFT JOIN sla AS other ON other.priority IS NULL
)
SELECT ticket_no, 'wall' AS clock, created_ms + allowed_ms AS deadline_ms
FROM allowed
UNION ALL
SELECT ticket_no, 'business' AS clock, o.to_ms - (o.opened_ms - needed_ms) AS deadline_ms
FROM (
    SELECT a.ticket_no, c.calendar, created.business_ms + a.allowed_ms AS needed_ms
    FROM allowed AS a
    JOIN ticket_calendars AS c USING (ticket_no)
    JOIN business_times AS created ON created.ticket_no = a.ticket_no AND created.time_ms = a.created_ms
) AS d
ASOF LEFT JOIN open_spans AS o ON o.calendar = d.calendar AND d.needed_ms <= o.opened_ms;

-- How long leads waited by the default calendar; a call before the lead was written down, not at all.
CREATE OR REPLACE TEMP TABLE business_responses AS
WITH spans AS (FROM open_spans WHERE calendar = getvariable('default_calendar'))
SELECT
    r.*,
    open_until(r.responded_ms, e.to_ms, e.opened_ms) - open_until(r.created_ms, b.to_ms, b.opened_ms) AS open_ms,
    greatest(open_ms, 0) AS business_wait_ms
FROM responses AS r
ASOF LEFT JOIN spans AS b ON r.created_ms >= b.from_ms
ASOF LEFT JOIN spans AS e ON r.responded_ms >= e.from_ms;
