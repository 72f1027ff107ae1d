-- The open life of deals: what runs in it, visits of stages, stages reached and passed. Reads deals.
-- Makes: deal_steps, open_deals, deal_moves, stage_visits, stages_reached.

-- The events from the first creation to the effective close, with the running values just after each. A close changes
-- none of them. Amount and owner may come from before the creation.
CREATE OR REPLACE TEMP TABLE deal_steps AS
WITH
    running AS (
        SELECT
            e.party,
            e.deal_id,
            e.event_no,
            e.time_ms,
            created.created_no,
            created.created_ms,
            created.product,
            created.source,
            deals.closed_no,
            deals.won,
            last_value(
                CASE WHEN e.type IN ('deal.created', 'deal.amount_changed') THEN e.amount END IGNORE NULLS
            ) OVER so_far AS amount,
            last_value(
                CASE WHEN e.type IN ('deal.created', 'deal.owner_changed') THEN e.owner_id END IGNORE NULLS
            ) OVER so_far AS owner,
            e.event_no = created.created_no AS creates,
            creates OR (e.type = 'deal.stage_changed' AND e.event_no > created.created_no) AS stages,
            creates OR (e.type = 'deal.close_date_changed' AND e.event_no > created.created_no) AS dates,
            last_value(CASE WHEN stages THEN e.stage END IGNORE NULLS) OVER so_far AS stage,
            last_value(CASE WHEN stages THEN e.pipeline END IGNORE NULLS) OVER so_far AS pipeline,
            last_value(CASE WHEN dates THEN e.expected_close END IGNORE NULLS) OVER so_far AS expected_close
        FROM deal_events AS e
        JOIN created_deals AS created USING (party, deal_id)
        LEFT JOIN deals USING (party, deal_id)
        WINDOW so_far AS (PARTITION BY e.party, e.deal_id ORDER BY e.event_no ROWS UNBOUNDED PRECEDING)
    )
SELECT
    party,
    deal_id,
    event_no,
    time_ms,
    created_no,  -- the creation's place in the order names the deal from here on
    created_ms,
    coalesce(event_no = closed_no, false) AS closes,
    closes AND won AS wins,
    amount,
    coalesce(owner, 'unknown') AS owner,
    product,
    source,
    stage,  -- missing before the first one
    coalesce(pipeline, 'unknown') AS pipeline,
    coalesce(left(expected_close, 7), 'unknown') AS close
FROM running
WHERE event_no >= created_no AND (closed_no IS NULL OR (closed_no > created_no AND event_no <= closed_no));

-- Deals that are open now, as they run now, with the time of their last event.
CREATE OR REPLACE TEMP TABLE open_deals AS
WITH last AS (
    SELECT created_no, max(event_no) AS event_no
    FROM deal_steps
    GROUP BY created_no
    HAVING NOT bool_or(closes)
)
SELECT
    s.party,
    s.deal_id,
    s.created_ms,
    s.time_ms AS last_ms,
    s.owner,
    coalesce(s.stage, 'unknown') AS stage,
    s.pipeline
FROM last
JOIN deal_steps AS s USING (created_no, event_no);

-- How the level of open deals moves: at each event of the open life from what ran before it to what runs since. Only
-- deals in listed stages are weighted.
CREATE OR REPLACE TEMP TABLE deal_moves AS
WITH
    states AS (
        SELECT
            d.*,
            stages.chance IS NOT NULL AS listed,
            coalesce(d.amount::HUGEINT * stages.chance // 1_000_000, 0) AS weighted
        FROM deal_steps AS d
        LEFT JOIN stages ON stages.pipeline = d.pipeline AND stages.stage = d.stage
    ),
    moves AS (
        SELECT created_no, event_no, time_ms AS moved_ms, 1 AS move
        FROM states
        WHERE NOT closes
        UNION ALL
        SELECT created_no, lag(event_no) OVER steps, time_ms, -1
        FROM states
        WINDOW steps AS (PARTITION BY created_no ORDER BY event_no)
    )
SELECT
    s.party,
    s.deal_id,
    m.moved_ms,
    m.move,
    m.move * coalesce(s.amount, 0) AS amount,
    m.move * s.weighted AS weighted,
    s.listed,
    s.owner,
    s.product,
    s.pipeline,
    coalesce(s.stage, 'unknown') AS stage,
    s.close
FROM moves AS m
JOIN states AS s USING (created_no, event_no);

-- Where a deal enters another (pipeline, stage), and where it closes.
CREATE OR REPLACE TEMP TABLE deal_turns AS
WITH moves AS (
    SELECT
        *,
        lag(stage) OVER steps AS stage_before,
        lag(pipeline) OVER steps AS pipeline_before
    FROM deal_steps
    WINDOW steps AS (PARTITION BY created_no ORDER BY event_no)
)
SELECT * EXCLUDE (stage_before, pipeline_before)
FROM moves
WHERE
    closes
    OR (stage IS NOT NULL AND (stage_before IS NULL OR (pipeline, stage) <> (pipeline_before, stage_before)));

-- Every visit that is over, at the leaving. What ends a visit changes no running owner, so it is the one before it.
CREATE OR REPLACE TEMP TABLE stage_visits AS
WITH turns AS (
    SELECT
        party,
        deal_id,
        time_ms AS left_ms,
        owner,
        lag(time_ms) OVER turns AS entered_ms,
        lag(stage) OVER turns AS stage,
        lag(pipeline) OVER turns AS pipeline
    FROM deal_turns
    WINDOW turns AS (PARTITION BY created_no ORDER BY event_no)
)
SELECT *, left_ms - entered_ms AS duration_ms
FROM turns
WHERE entered_ms IS NOT NULL;

-- Listed stages: when a deal first was in it or behind it, and when behind it. A win is behind all of its pipeline, if
-- the deal was in one of its stages before; the closer owns nothing of the way there.
CREATE OR REPLACE TEMP TABLE stages_reached AS
WITH
    entered AS (
        SELECT t.*, stages.place
        FROM deal_turns AS t
        JOIN stages USING (pipeline, stage)
        WHERE NOT t.closes
    ),
    advances AS (
        FROM entered
        UNION ALL BY NAME
        SELECT t.*, ends.place
        FROM deal_turns AS t
        JOIN (SELECT pipeline, max(place) + 1 AS place FROM stages GROUP BY pipeline) AS ends USING (pipeline)
        SEMI JOIN entered USING (created_no, pipeline)
        WHERE t.wins
    )
SELECT
    a.party,
    a.deal_id,
    s.pipeline,
    s.stage,
    arg_min(a.owner, a.event_no) AS owner,
    any_value(a.source) AS source,
    min(a.time_ms) AS reached_ms,
    min(a.time_ms) FILTER (a.place > s.place) AS passed_ms
FROM advances AS a
JOIN stages AS s ON s.pipeline = a.pipeline AND s.place <= a.place
GROUP BY a.party, a.deal_id, s.pipeline, s.stage;
