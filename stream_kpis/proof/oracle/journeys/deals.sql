-- Deals and their one effective close. Makes: deal_events, created_deals, deals.

CREATE OR REPLACE TEMP MACRO deciders(number) AS CASE
    WHEN number BETWEEN 1 AND 3 THEN number::VARCHAR
    WHEN number BETWEEN 4 AND 5 THEN '4-5'
    WHEN number BETWEEN 6 AND 10 THEN '6-10'
    WHEN number >= 11 THEN '11+'
    ELSE 'unknown'  -- nobody decides is nobody named
END;

-- A deleted deal never was.
CREATE OR REPLACE TEMP TABLE deal_events AS
WITH deleted AS (SELECT DISTINCT party, deal_id FROM events WHERE type = 'deal.deleted')
SELECT * FROM events ANTI JOIN deleted USING (party, deal_id) WHERE family = 'deal';

-- The first creation of each deal, with its dimensions.
CREATE OR REPLACE TEMP TABLE created_deals AS
WITH first AS (
    SELECT party, deal_id, min(event_no) AS event_no
    FROM deal_events
    WHERE type = 'deal.created'
    GROUP BY party, deal_id
)
SELECT
    party,
    deal_id,
    event_no AS created_no,
    e.time_ms AS created_ms,
    e.lead_id,
    e.lead_party,
    e.kind,
    deciders(e.decision_makers) AS decision_makers,
    coalesce(e.owner_id, 'unknown') AS owner,
    coalesce(e.product, 'unknown') AS product,
    coalesce(e.region, 'unknown') AS region,
    coalesce(e.origin, 'unknown') AS source,
    coalesce(e.pipeline, 'unknown') AS pipeline,
    e.first_for_leads
FROM first
JOIN deal_events AS e USING (party, deal_id, event_no);

-- Every deal that is closed now, with the facts of its close.
CREATE OR REPLACE TEMP TABLE deals AS
WITH
    reopened AS (
        SELECT party, deal_id, max(event_no) AS event_no
        FROM deal_events
        WHERE type = 'deal.reopened'
        GROUP BY party, deal_id
    ),
    -- After the last reopening the deal is open, so the first close that follows is the effective one.
    closing AS (
        SELECT party, deal_id, min(e.event_no) AS event_no
        FROM deal_events AS e
        LEFT JOIN reopened AS r USING (party, deal_id)
        WHERE e.type IN ('deal.won', 'deal.lost') AND e.event_no > coalesce(r.event_no, 0)
        GROUP BY party, deal_id
    ),
    -- The latest amount and owner that an event before the close gives.
    before AS (
        SELECT
            party,
            deal_id,
            arg_max(e.amount, e.event_no) FILTER (e.type IN ('deal.created', 'deal.amount_changed')) AS amount,
            arg_max(e.owner_id, e.event_no) FILTER (e.type IN ('deal.created', 'deal.owner_changed')) AS owner_id
        FROM deal_events AS e
        JOIN closing USING (party, deal_id)
        WHERE e.event_no < closing.event_no
        GROUP BY party, deal_id
    )
SELECT
    party,
    deal_id,
    created.lead_id,
    created.lead_party,
    coalesce(created.kind, 'unknown') AS kind,
    coalesce(created.decision_makers, 'unknown') AS decision_makers,
    closed.event_no AS closed_no,
    closed.time_ms AS closed_ms,
    closed.type = 'deal.won' AS won,
    coalesce(closed.amount, before.amount) AS amount,
    coalesce(bucket_of(floor_div(coalesce(closed.amount, before.amount), 1_000_000)), 'unknown') AS size,
    -- No cycle if the creation is missing or lies after the close.
    CASE WHEN created.created_no < closed.event_no THEN closed.time_ms - created.created_ms END AS cycle_ms,
    coalesce(closed.owner_id, before.owner_id, 'unknown') AS owner,
    coalesce(created.product, 'unknown') AS product,
    coalesce(created.region, 'unknown') AS region,
    coalesce(created.source, 'unknown') AS source,
    coalesce(created.pipeline, 'unknown') AS pipeline,
    created.first_for_leads AND closed.first_for_leads AS first_for_leads
FROM closing
JOIN deal_events AS closed USING (party, deal_id, event_no)
LEFT JOIN before USING (party, deal_id)
LEFT JOIN created_deals AS created USING (party, deal_id);
