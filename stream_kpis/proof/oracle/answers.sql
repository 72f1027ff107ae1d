-- The answers: sums of what counts, per window and group; composed.sql adds those that are composed. Makes: answers.

-- All windows of a KPI begin and end at its edges. What lies between two neighbouring edges counts in the same windows as
-- if it were at the earlier one; so it is summed up once for all of them. Before all edges there is one more.
CREATE OR REPLACE TEMP TABLE window_edges AS
WITH edges AS (
    SELECT kpi, from_ms AS edge_ms FROM asks
    UNION
    SELECT kpi, to_ms FROM asks
    UNION
    SELECT kpi, getvariable('beginning_ms') FROM asks
)
SELECT kpi, edge_ms, interval FROM edges JOIN catalogue USING (kpi);

-- What the spread of observations is told by: of means in the square of hundredths.
CREATE OR REPLACE TEMP MACRO squared(interval, numerator) AS CASE interval
    WHEN 'nps' THEN numerator * numerator
    WHEN 'mean' THEN numerator::HUGEINT * numerator // 100_000_000
END;

-- For the whole and once per dimension. Durations are told apart by the smallest bucket that holds them.
CREATE OR REPLACE TEMP TABLE sums AS
WITH
    counted AS (
        SELECT
            NULL AS ask,
            o.kpi,
            w.edge_ms AS time_ms,
            numerator,
            denominator,
            squared(interval, numerator) AS squares,
            samples,
            duration_ms,
            factor,
            dims,
            true AS in_whole
        FROM observations AS o
        ASOF JOIN window_edges AS w ON w.kpi = o.kpi AND o.time_ms >= w.edge_ms
        UNION ALL BY NAME
        SELECT
            w.ask,
            w.numerator,
            w.denominator,
            squared(interval, numerator) AS squares,
            w.samples,
            w.duration_ms,
            w.factor,
            w.dims,
            w.in_whole
        FROM window_observations AS w
        JOIN asks USING (ask)
        JOIN catalogue USING (kpi)
    ),
    grouped AS (
        SELECT
            counted.* EXCLUDE (dims, in_whole),
            edge_s,
            unnest([{'key': '', 'value': ''} FOR _ IN [1] IF in_whole] || map_entries(dims)) AS dim
        FROM counted
        ASOF LEFT JOIN edges ON counted.duration_ms <= edges.edge_ms
    )
SELECT
    ask,  -- of what counts in one window alone
    kpi,
    time_ms,
    dim.key AS "by",
    dim.value AS "group",
    factor,
    edge_s,
    sum(numerator) AS numerator,
    sum(denominator) AS denominator,
    sum(squares) AS squares,
    sum(samples) AS samples,
    list(duration_ms) FILTER (duration_ms IS NOT NULL) AS durations_ms
FROM grouped
GROUP BY ALL;

-- The sums that each window is made of. The window now has no beginning.
CREATE OR REPLACE TEMP VIEW window_sums AS
SELECT asks.ask, sums.* EXCLUDE (ask)
FROM sums
JOIN asks
    ON asks.kpi = sums.kpi AND sums.time_ms < asks.to_ms AND ("window" = 'now' OR sums.time_ms >= asks.from_ms)
UNION ALL BY NAME
FROM sums
WHERE ask IS NOT NULL;

-- Nearest rank: the smallest duration with at least q of all at or below it; q in thousandths, so that it is exact.
CREATE OR REPLACE TEMP MACRO nearest_rank(sorted, thousandths) AS
    sorted[(thousandths * len(sorted) + 999) // 1000];

-- The ranks of the interval of a quantile of n durations: around n*q as far as 1.96 standard deviations of a binomial.
-- All in integers: n*q and the root in units of 10^-5, the root rounded up, so that the bounds are rounded away from n*q.
CREATE OR REPLACE TEMP MACRO root_up(square) AS
    round(sqrt(square))::HUGEINT + (round(sqrt(square))::HUGEINT * round(sqrt(square))::HUGEINT < square)::INTEGER;

CREATE OR REPLACE TEMP MACRO reach(n, thousandths) AS
    root_up(196 * 196 * n::HUGEINT * thousandths * (1000 - thousandths));

CREATE OR REPLACE TEMP MACRO lower_rank(n, thousandths) AS
    floor_div(100 * n * thousandths - reach(n, thousandths), 100_000)::BIGINT;

CREATE OR REPLACE TEMP MACRO upper_rank(n, thousandths) AS
    1 - floor_div(-100 * n * thousandths - reach(n, thousandths), 100_000)::BIGINT;

CREATE OR REPLACE TEMP TABLE totals AS
WITH listed AS (
    SELECT
        ask,
        "by",
        "group",
        sum(numerator) AS numerator,
        sum(denominator) AS denominator,
        sum(squares) AS squares,
        sum(samples) AS samples,
        list_sort(flatten(list(durations_ms) FILTER (durations_ms IS NOT NULL))) AS sorted_ms
    FROM window_sums
    GROUP BY ask, "by", "group"
)
SELECT
    listed.* EXCLUDE (sorted_ms),
    list_sum(sorted_ms) AS total_ms,
    nearest_rank(sorted_ms, thousandths) AS quantile_ms,
    -- A rank below 1 or beyond all gives no bound.
    sorted_ms[nullif(greatest(lower_rank(len(sorted_ms), thousandths), 0), 0)] AS lower_ms,
    sorted_ms[upper_rank(len(sorted_ms), thousandths)] AS upper_ms,
    [nearest_rank(sorted_ms, q) FOR q IN [500, 900, 990] IF sorted_ms IS NOT NULL] AS quantiles_ms
FROM listed
JOIN asks USING (ask)
JOIN catalogue USING (kpi);

-- Of a product of ratios: the product of their numerators over that of their denominators.
-- They are open deals, won of closed, value of those with a value, cycles over their sum.
CREATE OR REPLACE TEMP TABLE products AS
WITH factors AS (
    SELECT
        ask,
        "by",
        "group",
        factor,
        sum(numerator) AS numerator,
        sum(denominator) AS denominator
    FROM window_sums
    WHERE factor IS NOT NULL
    GROUP BY ask, "by", "group", factor
)
SELECT
    ask,
    "by",
    "group",
    coalesce(any_value(numerator) FILTER (factor = 'open'), 0)
        * coalesce(any_value(numerator) FILTER (factor = 'win rate'), 0)
        * coalesce(any_value(numerator) FILTER (factor = 'value'), 0)
        * coalesce(any_value(numerator) FILTER (factor = 'cycle'), 0) AS numerator,
    coalesce(any_value(denominator) FILTER (factor = 'win rate'), 0)
        * coalesce(any_value(denominator) FILTER (factor = 'value'), 0)
        * coalesce(any_value(denominator) FILTER (factor = 'cycle'), 0) AS denominator
FROM factors
GROUP BY ask, "by", "group";

-- How many durations are at or below each edge.
CREATE OR REPLACE TEMP TABLE buckets AS
WITH
    fullest AS (
        SELECT ask, "by", "group", edge_s, sum(len(durations_ms)) AS durations
        FROM window_sums
        WHERE durations_ms IS NOT NULL
        GROUP BY ask, "by", "group", edge_s
    ),
    cumulated AS (
        SELECT
            t.ask,
            t."by",
            t."group",
            e.edge_s,
            sum(coalesce(f.durations, 0)) OVER (
                PARTITION BY t.ask, t."by", t."group" ORDER BY e.edge_s ROWS UNBOUNDED PRECEDING
            ) AS durations
        FROM totals AS t
        CROSS JOIN edges AS e
        LEFT JOIN fullest AS f
            ON f.ask = t.ask AND f."by" = t."by" AND f."group" = t."group" AND f.edge_s = e.edge_s
        WHERE t.quantile_ms IS NOT NULL
    )
SELECT ask, "by", "group", list(edge_s ORDER BY edge_s) AS edges_s, list(durations ORDER BY edge_s) AS counts
FROM cumulated
GROUP BY ask, "by", "group";

-- n^2 * 10^12 times the variance of n observations: of their total in micro-units and their squares in hundredths.
-- In integers, since equal ones would leave the error of doubles; but for what does not fit into them.
CREATE OR REPLACE TEMP MACRO spread(n, total, squares) AS CASE
    WHEN n::DOUBLE * squares < 1e29 THEN (100_000_000 * n * squares - total * total)::DOUBLE
    ELSE 1e8 * n * squares - total::DOUBLE ^ 2
END;

-- The interval of a value over n observations, by its kind: from its middle so far to both sides; of a share that of
-- Wilson.
CREATE OR REPLACE TEMP MACRO interval_middle(interval, value, n) AS CASE interval
    WHEN 'share' THEN (value + 1.96 ^ 2 / (2 * n)) / (1 + 1.96 ^ 2 / n)
    ELSE value
END;

CREATE OR REPLACE TEMP MACRO interval_reach(interval, value, n, total, squares) AS CASE
    WHEN interval = 'share' THEN 1.96 * sqrt(value * (1 - value) / n + (1.96 / (2 * n)) ^ 2) / (1 + 1.96 ^ 2 / n)
    WHEN interval = 'nps' THEN 1.96 * sqrt((squares / n - value * value) / n)
    WHEN interval = 'mean' AND n >= 2 THEN 1.96 * sqrt(greatest(spread(n, total, squares), 0) / (n ^ 3 * 1e12))
END;

-- A net promoter score lies between -1 and 1, and so does its interval.
CREATE OR REPLACE TEMP MACRO held(interval, bound) AS
    if(interval = 'nps' AND abs(bound) > 1, sign(bound)::DOUBLE, bound);

-- The ungrouped answer is always there, other groups where something counts; what has the samples of all is there, as 0,
-- where anything ever counted. An empty denominator gives no value, nor does what stands before a first of it began, nor
-- what awaits a first cost before one was spent; where costs are lagged, before the end of their own window. Nor does a
-- share of more than there are, or of fewer than none.
CREATE OR REPLACE TEMP TABLE answers AS
WITH
    wanted AS (
        SELECT ask, '' AS "by", '' AS "group" FROM asks JOIN catalogue USING (kpi) WHERE kind <> 'composed'
        UNION
        SELECT ask, "by", "group" FROM totals
        UNION
        SELECT asks.ask, "by", "group"
        FROM asks
        JOIN catalogue USING (kpi)
        JOIN sums USING (kpi)
        WHERE catalogue.samples IN ('of all', 'mean active') AND sums.ask IS NULL
    ),
    judged AS (
        SELECT
            a.ask,
            a.kpi,
            a."window",
            w."by",
            w."group",
            c.kind,
            (c.kind <> 'standing' AND NOT c.awaits_first)
                OR coalesce(s.began_ms < coalesce(l.to_ms, a.to_ms), false) AS begun,
            CASE
                WHEN NOT begun THEN 0
                WHEN c.kind = 'duration' THEN NULL
                WHEN c.kind IN ('per active', 'per own active') THEN coalesce(t.numerator, 0) * (a.to_ms - a.from_ms)
                WHEN c.kind = 'product' THEN coalesce(p.numerator, 0)
                ELSE coalesce(t.numerator, 0)
            END AS numerator,
            CASE
                WHEN c.kind IN ('ratio', 'per own active') THEN coalesce(t.denominator, 0)
                WHEN c.kind IN ('share', 'per active') THEN coalesce(of_all.denominator, 0)
                WHEN c.kind = 'product' THEN coalesce(p.denominator, 0)
            END AS denominator,
            coalesce(
                CASE c.samples
                    WHEN 'of all' THEN of_all.samples
                    WHEN 'mean active' THEN of_all.denominator // (a.to_ms - a.from_ms)
                    WHEN 'own mean active' THEN t.denominator // (a.to_ms - a.from_ms)
                    ELSE t.samples
                END,
                0
            ) AS samples,
            CASE WHEN c.kind = 'duration' THEN coalesce(t.total_ms, 0) END AS total,
            c.interval,
            c.unit,
            t.squares,
            t.quantile_ms,
            t.lower_ms,
            t.upper_ms,
            t.quantiles_ms
        FROM wanted AS w
        JOIN asks AS a USING (ask)
        JOIN catalogue AS c USING (kpi)
        LEFT JOIN beginnings AS s USING (kpi)
        LEFT JOIN lagged AS l USING (ask)
        LEFT JOIN totals AS t USING (ask, "by", "group")
        LEFT JOIN totals AS of_all ON of_all.ask = w.ask AND of_all."by" = ''
        LEFT JOIN products AS p ON p.ask = w.ask AND p."by" = w."by" AND p."group" = w."group"
    ),
    valued AS (
        SELECT
            *,
            CASE
                WHEN NOT begun OR (interval = 'share' AND numerator NOT BETWEEN 0 AND denominator) THEN NULL
                WHEN kind IN ('sum', 'standing') THEN numerator / unit
                WHEN kind = 'duration' THEN quantile_ms / unit
                WHEN denominator > 0 THEN numerator / denominator / unit
            END AS value,
            interval_middle(interval, value, denominator) AS middle,
            interval_reach(interval, value, denominator, numerator, squares) AS reach
        FROM judged
    )
SELECT
    v.ask,
    v.kpi,
    v."window",
    v."by",
    v."group",
    v.numerator,
    v.denominator,
    v.samples,
    v.value,
    [ms / v.unit FOR ms IN v.quantiles_ms] AS quantiles,
    b.edges_s,
    b.counts,
    v.total,
    coalesce(v.lower_ms / v.unit, held(v.interval, v.middle - v.reach)) AS lower,
    coalesce(v.upper_ms / v.unit, held(v.interval, v.middle + v.reach)) AS upper
FROM valued AS v
LEFT JOIN buckets AS b USING (ask, "by", "group");
