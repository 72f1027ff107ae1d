-- KPIs whose observations depend on the window's own edges. Makes: window_observations.

CREATE OR REPLACE TEMP TABLE window_observations (
    ask BIGINT,
    numerator HUGEINT,
    denominator HUGEINT,
    samples BIGINT,
    duration_ms BIGINT,
    factor VARCHAR,
    party VARCHAR,
    entity VARCHAR DEFAULT '',
    dims MAP(VARCHAR, VARCHAR) DEFAULT MAP {},
    in_whole BOOLEAN DEFAULT true  -- or in the groups alone
);

-- Per party, within each window: no grouping.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    count(*) AS numerator,
    1 AS denominator,
    1 AS samples,
    party
FROM asks
JOIN orders ON placed_ms >= from_ms AND placed_ms < to_ms
WHERE kpi = 'purchase_frequency'
GROUP BY ask, party;

INSERT INTO window_observations BY NAME
SELECT
    ask,
    (count(*) >= 2)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party
FROM asks
JOIN orders ON placed_ms >= from_ms AND placed_ms < to_ms
WHERE kpi = 'repeat_purchase_rate' AND kept
GROUP BY ask, party;

-- A respondent is a party: its last answer in the window.
INSERT INTO window_observations BY NAME
WITH last AS (
    SELECT ask, party, max(answered_no) AS answered_no
    FROM asks
    JOIN nps_answers ON answered_ms >= from_ms AND answered_ms < to_ms
    WHERE kpi = 'nps_respondent'
    GROUP BY ask, party
)
SELECT ask, verdict AS numerator, 1 AS denominator, 1 AS samples, party
FROM last
JOIN nps_answers USING (party, answered_no);

INSERT INTO window_observations BY NAME
SELECT DISTINCT ask, 1 AS numerator, 0 AS denominator, 1 AS samples, party
FROM asks
JOIN referrals ON referred_ms >= from_ms AND referred_ms < to_ms
WHERE kpi = 'referral_rate';

-- Beside the responses of the window: the ages of all that waits at the snapshot, whatever the window.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    getvariable('at_ms') - clock_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM asks
CROSS JOIN unanswered
WHERE kpi = 'first_response_time_live';

INSERT INTO window_observations BY NAME
SELECT
    ask,
    age_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority} AS dims
FROM asks
CROSS JOIN unanswered_business
WHERE kpi = 'first_response_time_live_business';

INSERT INTO window_observations BY NAME
SELECT
    ask,
    getvariable('at_ms') - created_ms AS duration_ms,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'owner': owner, 'source': source, 'channel': channel} AS dims
FROM asks
CROSS JOIN uncontacted_leads
WHERE kpi = 'lead_response_time_live';

-- Active at the window's start: the moves of the level before it.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    CASE kpi WHEN 'retention_rate' THEN sum(move) ELSE 0 END AS numerator,
    sum(move) AS denominator,
    sum(move) AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN level_moves ON moved_ms < from_ms
WHERE kpi IN ('churn_rate', 'churn_rate_involuntary', 'retention_rate')
GROUP BY ask, kpi, party, plan, segment, channel;

-- Of those, who left within the window, or had to: a churn's numerator, a loss to the retained.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    CASE kpi WHEN 'retention_rate' THEN -1 ELSE 1 END AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN spells ON ended_ms >= from_ms AND ended_ms < to_ms AND began_ms < from_ms
WHERE churned AND (kpi IN ('churn_rate', 'retention_rate') OR (kpi = 'churn_rate_involuntary' AND voluntary = 'no'));

-- Expanders are measured against who was active at the window's start.
INSERT INTO window_observations BY NAME
SELECT ask, 0 AS numerator, sum(move) AS denominator, sum(move) AS samples, party
FROM asks
JOIN level_moves ON moved_ms < from_ms
WHERE kpi = 'upsell_rate'
GROUP BY ask, party;

-- The time that customers spent in the window: of each move of the level, what follows it.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    sum(move * (to_ms - greatest(moved_ms, from_ms))) AS denominator,
    0 AS samples,
    party
FROM asks
JOIN catalogue USING (kpi)
JOIN level_moves ON moved_ms < to_ms
WHERE kind = 'per active'
GROUP BY ask, party;

INSERT INTO window_observations BY NAME
SELECT
    ask,
    sum(move * (to_ms - greatest(moved_ms, from_ms))) AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN level_moves ON moved_ms < to_ms
WHERE kpi = 'customer_lifetime'
GROUP BY ask, party, plan, segment, channel;

-- Lapsed at the window's start.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN lapses ON left_ms < from_ms AND (over_ms IS NULL OR over_ms >= from_ms)
WHERE kpi = 'reactivation_rate';

-- Parties with a kept order in the window; kpis/purchases.sql takes those off that have no other.
INSERT INTO window_observations BY NAME
SELECT DISTINCT ask, 1 AS numerator, 1 AS denominator, 1 AS samples, party
FROM asks
JOIN orders ON placed_ms >= from_ms AND placed_ms < to_ms
WHERE kpi = 'returning_customer_rate' AND kept;

-- The ages of what is unsolved.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    to_ms - created_ms AS duration_ms,
    1 AS samples,
    party,
    ticket_id AS entity,
    MAP {'team': team, 'priority': priority, 'category': category, 'agent': agent} AS dims
FROM asks
JOIN tickets ON created_ms < to_ms
WHERE kpi = 'open_ticket_age' AND NOT solved;

-- The deals that are open at the window's end.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    'open' AS factor,
    sum(move) AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    deal_id AS entity,
    MAP {'owner': owner, 'product': product} AS dims
FROM asks
JOIN deal_moves ON moved_ms < to_ms
WHERE kpi = 'pipeline_velocity'
GROUP BY ask, party, deal_id, owner, product;

-- The list before the window.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    sum(move) AS denominator,
    sum(move) AS samples,
    party,
    MAP {'campaign': campaign} AS dims
FROM asks
JOIN list_moves ON moved_ms < from_ms
WHERE kpi = 'email_list_growth'
GROUP BY ask, party, campaign;
