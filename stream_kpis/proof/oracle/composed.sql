-- Composed KPIs: made of the values of their parts. Reads: answers. Adds to answers.

CREATE OR REPLACE TEMP TABLE part_values AS
SELECT
    p.ask,
    p.part,
    a."by",
    a."group",
    a.kpi,
    a.samples,
    a.value,
    a.lower,
    a.upper,
    q.to_ms - q.from_ms AS length_ms
FROM parts AS p
JOIN answers AS a ON a.ask = p.part_ask
JOIN asks AS q ON q.ask = p.part_ask;

CREATE OR REPLACE TEMP TABLE composed (
    ask BIGINT,
    "by" VARCHAR DEFAULT '',
    "group" VARCHAR DEFAULT '',
    samples BIGINT,
    value DOUBLE,
    lower DOUBLE,
    upper DOUBLE
);

-- Of money and loyalty: no groups. A part without a value, or a divisor of 0, leaves the whole without one.
INSERT INTO composed BY NAME
WITH
    named AS (
        SELECT
            ask,
            any_value(value) FILTER (part = 'revenue') AS revenue,
            any_value(value) FILTER (part = 'revenue before') AS revenue_before,
            any_value(value / length_ms) FILTER (part = 'time' AND value > 0) AS active,
            any_value(value / length_ms) FILTER (part = 'time before' AND value > 0) AS active_before,
            any_value(value) FILTER (part = 'time' AND value > 0) AS time_ms,
            any_value(value) FILTER (part = 'time of six' AND value > 0) AS time_of_six_ms,
            any_value(value) FILTER (part = 'leaves of six' AND value > 0) AS leaves_of_six,
            any_value(value) FILTER (part = 'margin') AS margin,
            any_value(value) FILTER (part = 'retention') AS retention,
            any_value(value) FILTER (part = 'arpc') AS arpc,
            any_value(value) FILTER (part = 'lifetime') AS lifetime_s,
            any_value(value) FILTER (part = 'cac') AS cac,
            any_value(value) FILTER (part = 'cac lagged') AS cac_lagged,
            coalesce(any_value(samples) FILTER (part = 'revenue'), 0) AS orders,
            coalesce(any_value(samples) FILTER (part = 'lifetime'), 0) AS leaves,
            coalesce(any_value(samples) FILTER (part = 'leaves of six'), 0) AS leaves_of_six_samples,
            coalesce(any_value(samples) FILTER (part = 'cac'), 0) AS new_customers
        FROM part_values
        WHERE "by" = ''
        GROUP BY ask
    ),
    derived AS (
        SELECT
            *,
            revenue / active AS spend,
            revenue_before / active_before AS spend_before,
            revenue / time_ms * margin AS earned_per_ms,
            time_of_six_ms / leaves_of_six AS lifetime_of_six_ms,
            earned_per_ms * lifetime_of_six_ms AS predicted
        FROM named
    )
SELECT
    ask,
    CASE
        WHEN kpi IN ('arpc_base_effect', 'arpc_spend_effect') THEN orders
        WHEN kpi = 'clv_historic' THEN leaves
        WHEN kpi = 'cac_payback_time' THEN new_customers
        ELSE leaves_of_six_samples
    END AS samples,
    CASE kpi
        WHEN 'arpc_base_effect' THEN (active - active_before) * (spend_before + spend) / 2
        WHEN 'arpc_spend_effect' THEN (spend - spend_before) * (active_before + active) / 2
        WHEN 'clv_historic' THEN arpc * lifetime_s / (365 * 86_400)
        WHEN 'clv_predicted' THEN predicted
        WHEN 'clv_net' THEN predicted - retention / time_ms * lifetime_of_six_ms - cac
        WHEN 'clv_cac_ratio' THEN predicted / nullif(cac_lagged, 0)
        WHEN 'cac_payback_time' THEN CASE WHEN earned_per_ms > 0 THEN cac / (earned_per_ms * 1000) END
    END AS value
FROM derived
JOIN asks USING (ask)
WHERE kpi <> 'service_quality_index' AND NOT starts_with(kpi, 'ab_');

-- A mean of ratios, of which each must be good enough by itself. One of them tells how much was wrong.
INSERT INTO composed BY NAME
SELECT
    ask,
    "by",
    "group",
    CASE count(*) WHEN 4 THEN min(p.samples) ELSE 0 END AS samples,
    CASE
        WHEN count(p.value) = 4 AND bool_and(p.samples >= coalesce(t.samples, 0))
        THEN sum(CASE kpi WHEN 'reopen_rate' THEN 1 - p.value ELSE p.value END) / 4
    END AS value
FROM part_values AS p
LEFT JOIN thresholds AS t USING (kpi)
WHERE p.part = 'quality' AND p."by" IN ('', 'team')
GROUP BY ask, "by", "group";

-- The arms of experiments, with the bounds of their rates; 'control' is the control, else 'holdout', else the first of
-- the alphabet.
CREATE OR REPLACE TEMP TABLE arms AS
WITH
    rates AS (
        SELECT
            ask,
            "group",
            split_part("group", ',', 1) AS experiment,
            split_part("group", ',', 2) AS variant,
            samples,
            value AS rate,
            lower AS low,
            upper AS high
        FROM part_values
        WHERE part = 'arms' AND "by" = 'experiment,variant' AND samples > 0
    )
SELECT
    *,
    row_number() OVER (
        PARTITION BY ask, experiment ORDER BY variant <> 'control', variant <> 'holdout', variant
    ) = 1 AS controls
FROM rates;

-- Newcombe's interval of a difference.
INSERT INTO composed BY NAME
WITH lifts AS (
    SELECT
        arm.ask,
        arm."group",
        least(arm.samples, control.samples) AS samples,
        control.rate AS control_rate,
        arm.rate - control.rate AS lift,
        lift - sqrt((arm.rate - arm.low) ^ 2 + (control.high - control.rate) ^ 2) AS low,
        lift + sqrt((arm.high - arm.rate) ^ 2 + (control.rate - control.low) ^ 2) AS high
    FROM arms AS arm
    JOIN arms AS control USING (ask, experiment)
    WHERE control.controls AND NOT arm.controls
)
SELECT
    ask,
    'experiment,variant' AS "by",
    "group",
    samples,
    CASE kpi WHEN 'ab_lift' THEN lift ELSE lift / nullif(control_rate, 0) END AS value,
    CASE kpi WHEN 'ab_lift' THEN low END AS lower,
    CASE kpi WHEN 'ab_lift' THEN high END AS upper
FROM lifts
JOIN asks USING (ask);

-- The exposed of each variant against the shares that were planned, or else equal ones.
INSERT INTO composed BY NAME
WITH
    exposed AS (
        SELECT
            ask,
            split_part("group", ',', 1) AS experiment,
            split_part("group", ',', 2) AS variant,
            samples AS units
        FROM part_values
        WHERE part = 'exposed' AND "by" = 'experiment,variant' AND samples > 0
    ),
    plans AS (SELECT replace(experiment, ',', ';') AS experiment, replace(variant, ',', ';') AS variant, share FROM planned),
    variants AS (
        SELECT ask, experiment, variant, coalesce(units, 0) AS units, share
        FROM (SELECT DISTINCT ask, experiment FROM exposed)
        JOIN plans USING (experiment)
        LEFT JOIN exposed USING (ask, experiment, variant)
        UNION ALL BY NAME
        SELECT ask, experiment, variant, units, 1 / count(*) OVER (PARTITION BY ask, experiment) AS share
        FROM exposed
        ANTI JOIN plans USING (experiment)
    ),
    expected AS (SELECT *, share * sum(units) OVER (PARTITION BY ask, experiment) AS expected FROM variants)
SELECT
    ask,
    'experiment' AS "by",
    experiment AS "group",
    sum(units) AS samples,
    CASE WHEN count(*) > 1 AND min(expected) > 0 THEN sum((units - expected) ^ 2 / expected) END AS value
FROM expected
GROUP BY ask, experiment;

-- What is told of groups alone has no value as a whole.
INSERT INTO composed BY NAME
SELECT ask, 0 AS samples
FROM asks
JOIN catalogue USING (kpi)
ANTI JOIN (FROM composed WHERE "by" = '') USING (ask)
WHERE kind = 'composed';

INSERT INTO answers BY NAME
SELECT ask, kpi, "window", "by", "group", composed.samples, value, [] AS quantiles, lower, upper
FROM composed
JOIN asks USING (ask);
