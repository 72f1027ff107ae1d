-- The answers: sums of contributions per window and group; composed.sql adds those that are composed. Makes: answers.

-- Each contribution for the whole and once per dimension.
CREATE OR REPLACE TEMP TABLE grouped AS
SELECT ask, '' AS "by", '' AS "group", numerator, denominator, samples, duration_ms, factor
FROM contributions
WHERE in_whole
UNION ALL
SELECT ask, dim.key, dim.value, numerator, denominator, samples, duration_ms, factor
FROM (
    SELECT ask, numerator, denominator, samples, duration_ms, factor, unnest(map_entries(dims)) AS dim
    FROM contributions
);

CREATE OR REPLACE TEMP TABLE totals AS
SELECT
    ask,
    "by",
    "group",
    sum(numerator) AS numerator,
    sum(denominator) AS denominator,
    sum(samples) AS samples,
    sum(duration_ms) AS total_ms,
    count(duration_ms) AS durations,
    list(duration_ms ORDER BY duration_ms) FILTER (duration_ms IS NOT NULL) AS sorted_ms
FROM grouped
GROUP BY ask, "by", "group";

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
    FROM grouped
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
    fullest AS (  -- counted at the smallest edge that holds the duration
        SELECT ask, "by", "group", edge_ms, count(*) AS durations
        FROM grouped
        ASOF JOIN edges ON grouped.duration_ms <= edges.edge_ms
        GROUP BY ask, "by", "group", edge_ms
    ),
    cumulated AS (
        SELECT
            t.ask,
            t."by",
            t."group",
            e.edge_s,
            sum(coalesce(f.durations, 0)) OVER (
                PARTITION BY t.ask, t."by", t."group" ORDER BY e.edge_ms ROWS UNBOUNDED PRECEDING
            ) AS durations
        FROM totals AS t
        CROSS JOIN edges AS e
        LEFT JOIN fullest AS f
            ON f.ask = t.ask AND f."by" = t."by" AND f."group" = t."group" AND f.edge_ms = e.edge_ms
        WHERE t.durations > 0
    )
SELECT ask, "by", "group", list(edge_s ORDER BY edge_s) AS edges_s, list(durations ORDER BY edge_s) AS counts
FROM cumulated
GROUP BY ask, "by", "group";

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

-- The ungrouped answer is always there, other groups where something counts; what has the samples of all is there, as 0,
-- where anything ever counted. An empty denominator gives no value, nor does what stands before a first of it began.
CREATE OR REPLACE TEMP TABLE answers AS
WITH
    wanted AS (
        SELECT ask, '' AS "by", '' AS "group" FROM asks JOIN catalogue USING (kpi) WHERE kind <> 'composed'
        UNION
        SELECT ask, "by", "group" FROM totals
        UNION
        SELECT ask, dim.key, dim.value
        FROM (
            SELECT ask, unnest(map_entries(dims)) AS dim
            FROM asks
            JOIN catalogue USING (kpi)
            JOIN observations USING (kpi)
            WHERE catalogue.samples <> 'own'
        )
    ),
    judged AS (
        SELECT
            a.ask,
            a.kpi,
            a."window",
            w."by",
            w."group",
            c.kind,
            CASE c.kind
                WHEN 'duration' THEN NULL
                WHEN 'per active' THEN coalesce(t.numerator, 0) * (a.to_ms - a.from_ms)
                WHEN 'product' THEN coalesce(p.numerator, 0)
                ELSE coalesce(t.numerator, 0)
            END AS numerator,
            CASE
                WHEN c.kind = 'ratio' THEN coalesce(t.denominator, 0)
                WHEN c.kind IN ('share', 'per active') THEN coalesce(of_all.denominator, 0)
                WHEN c.kind = 'product' THEN coalesce(p.denominator, 0)
            END AS denominator,
            coalesce(
                CASE c.samples
                    WHEN 'of all' THEN of_all.samples
                    WHEN 'mean active' THEN of_all.denominator // (a.to_ms - a.from_ms)
                    ELSE t.samples
                END,
                0
            ) AS samples,
            CASE WHEN c.kind = 'duration' THEN coalesce(t.total_ms, 0) END AS total,
            c.unit,
            c.thousandths,
            coalesce(s.began_ms < a.to_ms, false) AS begun,
            t.sorted_ms
        FROM wanted AS w
        JOIN asks AS a USING (ask)
        JOIN catalogue AS c USING (kpi)
        LEFT JOIN beginnings AS s USING (kpi)
        LEFT JOIN totals AS t USING (ask, "by", "group")
        LEFT JOIN totals AS of_all ON of_all.ask = w.ask AND of_all."by" = ''
        LEFT JOIN products AS p ON p.ask = w.ask AND p."by" = w."by" AND p."group" = w."group"
    )
SELECT
    j.ask,
    j.kpi,
    j."window",
    j."by",
    j."group",
    j.numerator,
    j.denominator,
    j.samples,
    CASE j.kind
        WHEN 'sum' THEN j.numerator / j.unit
        WHEN 'standing' THEN CASE WHEN j.begun THEN j.numerator / j.unit END
        WHEN 'duration' THEN nearest_rank(j.sorted_ms, j.thousandths) / j.unit
        ELSE CASE WHEN j.denominator > 0 THEN j.numerator / j.denominator / j.unit END
    END AS value,
    [nearest_rank(j.sorted_ms, q) / j.unit FOR q IN [500, 900, 990] IF j.sorted_ms IS NOT NULL] AS quantiles,
    b.edges_s,
    b.counts,
    j.total,
    -- A rank below 1 or beyond all gives no bound.
    j.sorted_ms[nullif(greatest(lower_rank(len(j.sorted_ms), j.thousandths), 0), 0)] / j.unit AS lower,
    j.sorted_ms[upper_rank(len(j.sorted_ms), j.thousandths)] / j.unit AS upper
FROM judged AS j
LEFT JOIN buckets AS b USING (ask, "by", "group");
