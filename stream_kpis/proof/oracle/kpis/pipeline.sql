-- Closes, open deals and their stages. An observation counts in every window that its time falls in.

INSERT INTO observations BY NAME
SELECT
    'deals_lost' AS kpi,
    closed_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'source': source} AS dims
FROM deals
WHERE NOT won;

INSERT INTO observations BY NAME
SELECT
    'deals_won_value' AS kpi,
    closed_ms AS time_ms,
    amount AS numerator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'pipeline': pipeline} AS dims
FROM deals
WHERE won AND amount IS NOT NULL;

INSERT INTO observations BY NAME
SELECT
    'deal_win_rate_value' AS kpi,
    closed_ms AS time_ms,
    CASE WHEN won THEN amount ELSE 0 END AS numerator,
    amount AS denominator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product, 'region': region, 'source': source} AS dims
FROM deals
WHERE amount IS NOT NULL;

-- Cohort: at the creation, with its dimensions; won at most 90 days later.
INSERT INTO observations BY NAME
SELECT
    'deal_close_rate_cohort' AS kpi,
    c.created_ms AS time_ms,
    coalesce(d.won AND d.closed_ms - c.created_ms BETWEEN 0 AND days_ms(90), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': c.owner, 'product': c.product, 'region': c.region, 'source': c.source} AS dims
FROM created_deals AS c
LEFT JOIN deals AS d USING (party, deal_id);

INSERT INTO observations BY NAME
SELECT
    'deals_open' AS kpi,
    moved_ms AS time_ms,
    move AS numerator,
    move AS samples,
    party,
    deal_id AS entity,
    MAP {
        'owner': owner, 'product': product, 'pipeline': pipeline, 'pipeline,stage': pair(pipeline, stage)
    } AS dims
FROM deal_moves;

INSERT INTO observations BY NAME
SELECT
    'pipeline_value' AS kpi,
    moved_ms AS time_ms,
    amount AS numerator,
    move AS samples,
    party,
    deal_id AS entity,
    MAP {
        'owner': owner, 'product': product, 'pipeline': pipeline, 'pipeline,stage': pair(pipeline, stage)
    } AS dims
FROM deal_moves;

INSERT INTO observations BY NAME
SELECT
    'pipeline_weighted_value' AS kpi,
    moved_ms AS time_ms,
    weighted AS numerator,
    move AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'pipeline': pipeline, 'close': close} AS dims
FROM deal_moves
WHERE listed;

INSERT INTO observations BY NAME
SELECT
    'deals_stalled' AS kpi,
    last_ms AS time_ms,
    (last_ms < getvariable('at_ms') - days_ms(14))::INTEGER AS numerator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'pipeline': pipeline, 'stage': stage} AS dims
FROM open_deals;

INSERT INTO observations BY NAME
SELECT 'stale_open_ratio' AS kpi, time_ms, numerator, 1 AS denominator, samples, party, entity, dims
FROM observations
WHERE kpi = 'deals_stalled';

INSERT INTO observations BY NAME
SELECT
    'stage_duration' AS kpi,
    left_ms AS time_ms,
    duration_ms,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'stage': stage, 'pipeline,stage': pair(pipeline, stage), 'owner': owner} AS dims
FROM stage_visits;

-- Cohort: at the reaching; passed at most 90 days later.
INSERT INTO observations BY NAME
SELECT
    'stage_conversion_rate' AS kpi,
    reached_ms AS time_ms,
    coalesce(passed_ms - reached_ms <= days_ms(90), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    deal_id AS entity,
    MAP {'stage': stage, 'pipeline,stage': pair(pipeline, stage), 'owner': owner, 'source': source} AS dims
FROM stages_reached;

-- Any deal that was created is a first; of those that are weighted, one in a listed stage.
INSERT INTO beginnings
SELECT kpi, min(created_ms)
FROM created_deals
CROSS JOIN (VALUES ('deals_open'), ('pipeline_value'), ('deals_stalled')) AS kpis (kpi)
GROUP BY kpi;

INSERT INTO beginnings
SELECT 'pipeline_weighted_value', min(moved_ms)
FROM deal_moves
WHERE listed;

-- The factors of the velocity that lie at the close. windows.sql adds the deals that are open.
INSERT INTO observations BY NAME
WITH factors AS (
    SELECT *, 'win rate' AS factor, won::INTEGER AS numerator, 1 AS denominator, 1 AS samples FROM deals
    UNION ALL BY NAME
    SELECT *, 'value' AS factor, amount AS numerator, 1 AS denominator, 0 AS samples
    FROM deals
    WHERE won AND amount IS NOT NULL
    UNION ALL BY NAME
    SELECT *, 'cycle' AS factor, 1 AS numerator, cycle_ms AS denominator, 0 AS samples
    FROM deals
    WHERE won AND cycle_ms IS NOT NULL
)
SELECT
    'pipeline_velocity' AS kpi,
    closed_ms AS time_ms,
    factor,
    numerator,
    denominator,
    samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product} AS dims
FROM factors;
