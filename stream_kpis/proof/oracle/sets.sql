-- Which events count: one copy of each, none that was taken back, in the order of the journeys.
-- Reads: records, variables at_ms, scope and parked_ms. Makes: arrivals, copies, accepted, known, events.

-- Every record that a KPI may look at: where it lies in records, with the entity that it is about and what tells it from
-- others, numbered in the order in which copies win. What went through crm.rekeyed is a copy of a record of its own topic.
CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT
    rowid AS record_no,
    row_number() OVER (ORDER BY topic, partition, "offset") AS copy_no,
    party,
    split_part(type, '.', 1) AS family,
    CASE family
        WHEN 'lead' THEN lead_id
        WHEN 'deal' THEN deal_id
        WHEN 'order' THEN order_id
        WHEN 'ticket' THEN ticket_id
        WHEN 'survey' THEN survey_id
        WHEN 'complaint' THEN complaint_id
        WHEN 'email' THEN campaign_id
        WHEN 'interaction' THEN coalesce(interaction_id, '')  -- without one, each is identified by itself
        ELSE ''  -- about the party itself; voids are identified within the party too
    END AS entity,
    source,
    id,
    recorded_ms,
    time_ms,
    rank,
    coalesce(unrated, false) AS waits,
    voided_source,
    voided_id
FROM records
WHERE
    topic <> 'crm.rekeyed'
    AND family IN (
        'lead', 'deal', 'order', 'ticket', 'survey', 'customer', 'complaint', 'email', 'interaction', 'cost',
        'experiment', 'event'
    );

-- An event without a rate does not count. But it came: while it waits for its rate, whatever else carries its name within
-- the party is a duplicate or in conflict. Then the name is free, for a next one that waits or for one that counts.
CREATE OR REPLACE TEMP TABLE copies AS
WITH RECURSIVE
    named AS (
        SELECT party, source, id, copy_no, recorded_ms, waits
        FROM arrivals
        SEMI JOIN (SELECT party, source, id FROM arrivals WHERE waits) AS waiting USING (party, source, id)
    ),
    holders AS (
        SELECT
            party,
            source,
            id,
            min(copy_no) AS copy_no,
            arg_min(recorded_ms, copy_no) + getvariable('parked_ms') AS until_ms,
            arg_min(waits, copy_no) AS waits
        FROM named
        GROUP BY party, source, id
        UNION ALL
        SELECT
            n.party,
            n.source,
            n.id,
            min(n.copy_no),
            arg_min(n.recorded_ms, n.copy_no) + getvariable('parked_ms'),
            arg_min(n.waits, n.copy_no)
        FROM holders AS h
        JOIN named AS n USING (party, source, id)
        WHERE h.waits AND n.copy_no > h.copy_no AND n.recorded_ms > h.until_ms
        GROUP BY n.party, n.source, n.id
    ),
    kept_out AS (
        SELECT n.copy_no
        FROM named AS n
        JOIN holders AS h USING (party, source, id)
        WHERE h.waits AND n.copy_no > h.copy_no AND n.recorded_ms <= h.until_ms
    )
SELECT *
FROM arrivals
ANTI JOIN kept_out USING (copy_no)
WHERE NOT waits;

-- Of several records with one (source, id), duplicates or in conflict, the first wins: within the entity, and once more
-- within the party for journeys that look at several entities: of one family, of those that convert a lead, of those
-- that expand a customer or say what it was when it ordered, lead from an e-mail to an order, or convert the exposed.
CREATE OR REPLACE TEMP TABLE accepted AS
WITH
    first_of_entity AS (SELECT min(copy_no) AS copy_no FROM copies GROUP BY party, family, entity, source, id),
    first_of_family AS (SELECT min(copy_no) AS copy_no FROM copies GROUP BY party, family, source, id),
    first_for_leads AS (
        SELECT min(copy_no) AS copy_no
        FROM copies
        WHERE family IN ('lead', 'deal', 'order')
        GROUP BY party, source, id
    ),
    first_for_expansion AS (
        SELECT min(copy_no) AS copy_no
        FROM copies
        WHERE family IN ('customer', 'deal', 'order')
        GROUP BY party, source, id
    ),
    first_for_attribution AS (
        SELECT min(copy_no) AS copy_no
        FROM copies
        WHERE family IN ('email', 'order')
        GROUP BY party, source, id
    ),
    first_for_experiments AS (
        SELECT min(copy_no) AS copy_no
        FROM copies
        WHERE family IN ('experiment', 'deal', 'order')
        GROUP BY party, source, id
    ),
    winners AS (SELECT * FROM copies SEMI JOIN first_of_entity USING (copy_no)),
    -- A void takes back whatever carries the name within the party, whenever either happened; but not a void.
    voided AS (
        SELECT DISTINCT party, voided_source AS source, voided_id AS id
        FROM winners
        WHERE family = 'event'
    )
SELECT
    winners.*,
    copy_no IN (FROM first_of_family) AS first_of_family,
    copy_no IN (FROM first_for_leads) AS first_for_leads,
    copy_no IN (FROM first_for_expansion) AS first_for_expansion,
    copy_no IN (FROM first_for_attribution) AS first_for_attribution,
    copy_no IN (FROM first_for_experiments) AS first_for_experiments
FROM winners
ANTI JOIN voided USING (party, source, id)
WHERE family <> 'event';

-- What is known at the snapshot. event_no is the order of events: time, rank, source, id.
CREATE OR REPLACE TEMP TABLE known AS
WITH ordered AS (
    SELECT
        record_no,
        family,
        first_of_family,
        first_for_leads,
        first_for_expansion,
        first_for_attribution,
        first_for_experiments,
        row_number() OVER (ORDER BY time_ms, rank, source, id, copy_no) AS event_no
    FROM accepted
    WHERE time_ms < getvariable('at_ms')
)
SELECT records.* EXCLUDE (topic, partition, "offset", recorded_ms, crc), ordered.* EXCLUDE (record_no)
FROM records
JOIN ordered ON records.rowid = ordered.record_no;

-- What a journey looks at. One that takes all events of the party checks identity over those.
CREATE OR REPLACE TEMP VIEW events AS
FROM known
WHERE
    CASE getvariable('scope')
        WHEN 'the party, one family' THEN first_of_family
        WHEN 'the party, expansion' THEN first_for_expansion
        WHEN 'the party, attribution' THEN first_for_attribution
        WHEN 'the party, experiments' THEN first_for_experiments
        ELSE true
    END;
