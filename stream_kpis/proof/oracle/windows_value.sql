-- KPIs of costs, worth and loyalty whose observations depend on the window's own edges. Reads: window_observations.

-- The customers of closed days, and the costs of days before them.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'channel': channel} AS dims
FROM lagged
JOIN cac_costs ON spent_ms >= from_ms AND spent_ms < to_ms
UNION ALL BY NAME
SELECT ask, 0 AS numerator, 1 AS denominator, 1 AS samples, party, MAP {'channel': channel} AS dims
FROM lagged
JOIN new_customers ON joined_ms >= joined_from_ms AND joined_ms < joined_to_ms;

-- Per party with an order in the window.
INSERT INTO window_observations BY NAME
SELECT DISTINCT ask, 0 AS numerator, 1 AS denominator, 1 AS samples, party
FROM asks
JOIN orders ON placed_ms >= from_ms AND placed_ms < to_ms
WHERE kpi = 'arpc';

-- The time that customers spent in the window.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    CASE kpi WHEN 'customer time' THEN spent_ms ELSE 0 END AS numerator,
    CASE kpi WHEN 'customer time' THEN 0 ELSE spent_ms END AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM (
    SELECT ask, kpi, party, plan, segment, channel, sum(move * (to_ms - greatest(moved_ms, from_ms))) AS spent_ms
    FROM asks
    JOIN level_moves ON moved_ms < to_ms
    WHERE kpi IN ('customer time', 'churn_hazard')
    GROUP BY ask, kpi, party, plan, segment, channel
);

-- Also of each group by itself.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    sum(move * (to_ms - greatest(moved_ms, from_ms))) AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'country': country} AS dims
FROM asks
JOIN catalogue USING (kpi)
JOIN level_moves ON moved_ms < to_ms
WHERE kind = 'per own active'
GROUP BY ask, party, plan, segment, country;

-- Active at the window's start, beside who joined in it.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    CASE kpi WHEN 'churn_rate_inclusive' THEN sum(move) ELSE 0 END AS denominator,
    sum(move) AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN level_moves ON moved_ms < from_ms
WHERE kpi IN ('churn_rate_inclusive', 'revenue_churn_rate', 'revenue_churn_rate_net')
GROUP BY ask, kpi, party, plan, segment, channel;

-- What they were worth then.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    sum(move) AS denominator,
    0 AS samples,
    party,
    MAP {'plan': plan, 'segment': segment, 'channel': channel} AS dims
FROM asks
JOIN worth_moves ON moved_ms < from_ms
WHERE kpi IN ('revenue_churn_rate', 'revenue_churn_rate_net')
GROUP BY ask, party, plan, segment, channel;

-- Who bought in the 90 days up to the window's start; and who had, but not in those.
INSERT INTO window_observations BY NAME
WITH standing AS (
    SELECT
        ask,
        kpi,
        party,
        sum(
            CASE
                WHEN kpi = 'churn_rate_inactivity' THEN CASE turn WHEN 'begins' THEN 1 ELSE -1 END
                WHEN turn = 'lapses' THEN 1
                WHEN again THEN -1
                ELSE 0
            END
        ) AS parties
    FROM asks
    JOIN buyer_turns ON turned_ms < from_ms
    WHERE kpi IN ('churn_rate_inactivity', 'reactivation_rate_inactivity')
    GROUP BY ask, kpi, party
)
SELECT ask, 0 AS numerator, parties AS denominator, parties AS samples, party
FROM standing;

-- What parties have brought, in buckets of units.
INSERT INTO window_observations BY NAME
WITH brought AS (
    SELECT ask, kpi, party, sum(move) AS worth
    FROM asks
    JOIN buyer_moves ON moved_ms < to_ms
    WHERE kpi IN ('customer_value_distribution', 'customer_value_share')
    GROUP BY ask, kpi, party
    HAVING bool_or(places)
)
SELECT
    ask,
    CASE kpi WHEN 'customer_value_share' THEN worth ELSE 1 END AS numerator,
    CASE kpi WHEN 'customer_value_share' THEN worth END AS denominator,
    1 AS samples,
    party,
    MAP {'bucket': bucket_of(floor_div(worth, 1_000_000))} AS dims
FROM brought;

-- The quota of the whole period, whether or not the owner sold.
INSERT INTO window_observations BY NAME
SELECT
    ask,
    0 AS numerator,
    amount * CASE "window" WHEN 'mtd' THEN 1 WHEN 'qtd' THEN 3 WHEN 'ytd' THEN 12 ELSE 0 END AS denominator,
    0 AS samples,
    '' AS party,
    MAP {'owner': owner} AS dims
FROM asks
CROSS JOIN quotas
WHERE kpi = 'quota_attainment';

-- Of each cohort, who is a customer at the end of its month k. The whole is the month after the one of joining.
INSERT INTO window_observations BY NAME
WITH members AS (
    SELECT r.*, c.party
    FROM retained AS r
    JOIN cohorts AS c ON c.joined_ms >= r.from_ms AND c.joined_ms < r.until_ms
)
SELECT
    ask,
    count(*) FILTER (s.began_ms < m.end_ms) - count(*) FILTER (s.ended_ms < m.end_ms) AS numerator,
    1 AS denominator,
    1 AS samples,
    m.party,
    MAP {'k': k::VARCHAR, 'cohort,k': pair(cohort, k::VARCHAR)} AS dims,
    k = 1 AS in_whole
FROM members AS m
JOIN spells AS s ON s.party = m.party
GROUP BY ask, cohort, k, m.party;
