-- Tickets that were not done at the first contact. Scope: the party. Reads tickets. Makes: failures.

-- Of the resolved tickets that count as opened: when the first contact turned out not to have sufficed, if it did.
CREATE OR REPLACE TEMP TABLE failures AS
WITH
    resolved AS (FROM ticket_solutions WHERE opened),
    contacts AS (
        SELECT ticket_no, count(s.event_no) AS contacts
        FROM resolved AS r
        LEFT JOIN ticket_steps AS s USING (ticket_no)
        WHERE s.answers AND s.event_no < r.solution_no
        GROUP BY ticket_no
    ),
    causes AS (
        SELECT ticket_no, solved_ms AS failed_ms
        FROM resolved
        LEFT JOIN contacts USING (ticket_no)
        WHERE coalesce(contacts, 0) <> 1
        UNION ALL
        SELECT ticket_no, reopened_ms
        FROM resolved
        JOIN reopenings USING (ticket_no)
        UNION ALL
        -- The party's next ticket whose creation names the category that this one had when it was solved.
        SELECT r.ticket_no, next.created_ms
        FROM resolved AS r
        ASOF JOIN (FROM tickets WHERE opened) AS next
            ON next.party = r.party AND next.named_category = r.named_category AND r.solved_ms < next.created_ms
    )
SELECT
    r.party,
    r.ticket_id,
    r.solved_ms,
    min(c.failed_ms) AS failed_ms,
    r.team,
    r.agent,
    r.category,
    r.channel
FROM causes AS c
JOIN resolved AS r USING (ticket_no)
GROUP BY ALL;
