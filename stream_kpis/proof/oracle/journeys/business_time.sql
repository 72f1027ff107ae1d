-- The clock of business calendars. Reads: tickets, ticket_steps, calendars, open_spans, sla, variables at_ms and
-- default_calendar. Makes: ticket_calendars, business_times, ticket_deadlines.

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
SELECT ticket_no, time_ms, coalesce(o.opened_ms - greatest(o.to_ms - time_ms, 0), 0) AS business_ms
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
