-- Leads: merges, responses, qualifications, conversions, those that wait. Reads deals and orders.
-- Makes: leads, responses, uncontacted_leads.

-- Who writes a lead down after the call does so within an hour; what was earlier is not of this lead.
CREATE OR REPLACE TEMP MACRO comes_after(at_ms, created_ms) AS at_ms >= created_ms - 3_600_000;

-- Whom a lead counts for: itself, or, merged, the lead at the end of its merges. In a circle: none.
CREATE OR REPLACE TEMP TABLE survivors AS
WITH RECURSIVE
    merges AS (
        SELECT party, lead_id, arg_min("into", event_no) AS "into"
        FROM events
        WHERE type = 'lead.merged'
        GROUP BY party, lead_id
    ),
    path AS (
        SELECT party, lead_id, "into" AS target FROM merges
        UNION  -- not ALL: a step seen before is not taken again, which ends a circle
        SELECT path.party, path.lead_id, merges."into"
        FROM path
        JOIN merges ON merges.party = path.party AND merges.lead_id = path.target
    )
SELECT party, lead_id, target
FROM path
ANTI JOIN merges ON merges.party = path.party AND merges.lead_id = path.target;

-- Created when the earliest was of it and those merged into it; all else is its own.
CREATE OR REPLACE TEMP TABLE created_leads AS
WITH
    merged AS (SELECT DISTINCT party, lead_id FROM events WHERE type = 'lead.merged'),
    first AS (
        SELECT party, lead_id, min(event_no) AS event_no, min(time_ms) AS created_ms
        FROM events
        WHERE type = 'lead.created'
        GROUP BY party, lead_id
    ),
    earliest AS (
        SELECT party, coalesce(survivors.target, first.lead_id) AS lead_id, min(created_ms) AS created_ms
        FROM first
        LEFT JOIN survivors USING (party, lead_id)
        GROUP BY ALL
    )
SELECT
    party,
    lead_id,
    earliest.created_ms,
    coalesce(e.origin, 'unknown') AS source,
    coalesce(e.channel, 'unknown') AS channel,
    coalesce(e.campaign_id, 'unknown') AS campaign,
    coalesce(e.owner_id, 'unknown') AS owner
FROM first
JOIN earliest USING (party, lead_id)
JOIN events AS e USING (party, lead_id, event_no)
ANTI JOIN merged USING (party, lead_id);

-- What converts a lead: its own event, the effective win of a deal that names it, an order that names it. A deal or order
-- of another party names the lead's; its events are not in the lead's scope, so what counts is that its own entity has it.
CREATE OR REPLACE TEMP TABLE leads AS
WITH
    claims AS (
        SELECT party, lead_id, time_ms FROM events WHERE type = 'lead.converted' AND first_for_leads
        UNION ALL
        SELECT coalesce(lead_party, party), lead_id, closed_ms
        FROM deals
        WHERE won AND lead_id IS NOT NULL AND (first_for_leads OR lead_party <> party)
        UNION ALL
        SELECT coalesce(lead_party, party), lead_id, placed_ms
        FROM orders
        WHERE lead_id IS NOT NULL AND (first_for_leads OR lead_party <> party)
    ),
    claimed AS (
        SELECT party, coalesce(survivors.target, claims.lead_id) AS lead_id, time_ms
        FROM claims
        LEFT JOIN survivors USING (party, lead_id)
    ),
    conversions AS (
        SELECT party, lead_id, min(claimed.time_ms) AS converted_ms
        FROM claimed
        JOIN created_leads USING (party, lead_id)
        WHERE comes_after(claimed.time_ms, created_ms)
        GROUP BY party, lead_id
    ),
    qualified AS (
        SELECT party, coalesce(survivors.target, e.lead_id) AS lead_id, e.time_ms
        FROM events AS e
        LEFT JOIN survivors USING (party, lead_id)
        WHERE e.type = 'lead.qualified'
    ),
    qualifications AS (
        SELECT party, lead_id, min(qualified.time_ms) AS qualified_ms
        FROM qualified
        JOIN created_leads USING (party, lead_id)
        WHERE comes_after(qualified.time_ms, created_ms)
        GROUP BY party, lead_id
    )
SELECT created_leads.*, converted_ms, qualified_ms
FROM created_leads
LEFT JOIN conversions USING (party, lead_id)
LEFT JOIN qualifications USING (party, lead_id);

-- The first human contact that reached somebody, the contacts of merged leads included.
CREATE OR REPLACE TEMP TABLE responses AS
WITH
    contacts AS (
        SELECT party, coalesce(survivors.target, e.lead_id) AS lead_id, e.event_no, e.time_ms, e.owner_id
        FROM events AS e
        LEFT JOIN survivors USING (party, lead_id)
        WHERE e.type = 'lead.contacted' AND NOT e.automated AND e.outcome <> 'attempted'
    ),
    first AS (
        SELECT party, lead_id, min(event_no) AS event_no
        FROM contacts
        JOIN created_leads USING (party, lead_id)
        WHERE comes_after(time_ms, created_ms)
        GROUP BY party, lead_id
    ),
    assigned AS (
        SELECT party, lead_id, arg_max(e.owner_id, e.event_no) AS owner_id
        FROM events AS e
        JOIN first USING (party, lead_id)
        WHERE e.type = 'lead.assigned' AND e.event_no <= first.event_no
        GROUP BY party, lead_id
    )
SELECT
    party,
    lead_id,
    leads.created_ms,
    contacts.time_ms AS responded_ms,
    greatest(responded_ms - leads.created_ms, 0) AS wait_ms,
    coalesce(contacts.owner_id, assigned.owner_id, leads.owner) AS owner,
    leads.source,
    leads.channel
FROM first
JOIN contacts USING (party, lead_id, event_no)
JOIN leads USING (party, lead_id)
LEFT JOIN assigned USING (party, lead_id);

-- Leads that wait: no response, no conversion, not given up. Their owner is the latest one, at whatever time.
CREATE OR REPLACE TEMP TABLE uncontacted_leads AS
WITH
    disqualified AS (SELECT DISTINCT party, lead_id FROM events WHERE type = 'lead.disqualified'),
    assigned AS (
        SELECT party, lead_id, arg_max(owner_id, event_no) AS owner
        FROM events
        WHERE type = 'lead.assigned'
        GROUP BY party, lead_id
    )
SELECT party, lead_id, created_ms, coalesce(assigned.owner, leads.owner) AS owner, source, channel
FROM leads
ANTI JOIN responses USING (party, lead_id)
ANTI JOIN disqualified USING (party, lead_id)
LEFT JOIN assigned USING (party, lead_id)
WHERE converted_ms IS NULL;
