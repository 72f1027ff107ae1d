-- What operators read. Makes: daily, histories.

-- Sums per business day. What depends on a window's own edges was asked for day by day.
CREATE OR REPLACE TEMP TABLE daily AS
WITH
    asked AS (FROM observations SEMI JOIN asks USING (kpi)),
    counted AS (
        SELECT kpi, day, numerator, denominator, samples, duration_ms, dims
        FROM asked
        ASOF JOIN days ON asked.time_ms >= days.from_ms
        UNION ALL BY NAME
        SELECT kpi, day, numerator, denominator, samples, duration_ms, dims
        FROM window_observations
        JOIN asks USING (ask)
        JOIN days USING (from_ms)
    ),
    -- A day that ends before the first cost of a KPI has nothing of it.
    ended AS (SELECT day, lead(from_ms) OVER (ORDER BY day) AS end_ms FROM days),
    without_first AS (
        SELECT kpi, day
        FROM catalogue
        LEFT JOIN beginnings USING (kpi)
        JOIN ended ON began_ms IS NULL OR began_ms >= end_ms
        WHERE awaits_first
    ),
    grouped AS (  -- the whole is one more dimension, without a name
        SELECT
            counted.* EXCLUDE (dims),
            unnest([{'key': '', 'value': ''}] || map_entries(dims)) AS dim
        FROM counted
        ANTI JOIN without_first USING (kpi, day)
    )
SELECT
    kpi,
    dim.key AS "by",
    dim.value AS "group",
    day,
    coalesce(sum(numerator), 0)::HUGEINT AS numerator,
    coalesce(sum(denominator), 0)::HUGEINT AS denominator,
    coalesce(sum(samples), 0)::BIGINT AS samples,
    coalesce(sum(duration_ms), 0)::HUGEINT AS total_ms,
    count(duration_ms) AS durations
FROM grouped
GROUP BY ALL;

-- The earliest fact of any measure of each KPI: of those per active and the like, of the customers too.
CREATE OR REPLACE TEMP TABLE histories AS
WITH
    facts AS (
        SELECT kpi, time_ms FROM observations
        UNION ALL BY NAME
        SELECT kpi, moved_ms AS time_ms
        FROM level_moves
        CROSS JOIN (
            VALUES ('churn_rate'), ('churn_rate_involuntary'), ('retention_rate'), ('ticket_contact_rate'),
            ('complaint_rate'), ('interaction_frequency'), ('customer_lifetime'), ('cac_payback_time'),
            ('churn_hazard'), ('revenue_churn_rate'), ('revenue_churn_rate_net'), ('referral_rate'),
            ('cost_per_customer'), ('profit_per_customer'), ('arpa'), ('purchase_frequency_active')
        ) AS kpis (kpi)
        UNION ALL BY NAME
        SELECT kpi, moved_ms AS time_ms
        FROM buyer_moves
        CROSS JOIN (VALUES ('customer_value_distribution'), ('customer_value_share')) AS kpis (kpi)
        UNION ALL BY NAME
        SELECT kpi, turned_ms AS time_ms
        FROM buyer_turns
        CROSS JOIN (VALUES ('churn_rate_inactivity'), ('reactivation_rate_inactivity')) AS kpis (kpi)
        WHERE kpi = 'churn_rate_inactivity' OR turn = 'lapses' OR again
        UNION ALL BY NAME
        SELECT composed AS kpi, time_ms
        FROM observations
        JOIN (
            VALUES ('cac_payback_time', 'cac'), ('cac_payback_time', 'revenue_net'),
            ('cac_payback_time', 'gross_margin_ratio'), ('service_quality_index', 'sla_attainment'),
            ('service_quality_index', 'first_contact_resolution_rate'), ('service_quality_index', 'csat_ratio'),
            ('service_quality_index', 'reopen_rate')
        ) AS made (composed, kpi) USING (kpi)
        UNION ALL BY NAME
        SELECT 'reactivation_rate' AS kpi, left_ms AS time_ms FROM lapses
        UNION ALL BY NAME
        SELECT 'purchase_frequency' AS kpi, placed_ms AS time_ms FROM orders
        UNION ALL BY NAME
        SELECT 'repeat_purchase_rate' AS kpi, placed_ms AS time_ms FROM orders WHERE kept
        UNION ALL BY NAME
        SELECT 'nps_respondent' AS kpi, answered_ms AS time_ms FROM nps_answers
        UNION ALL BY NAME
        SELECT 'referral_rate' AS kpi, referred_ms AS time_ms FROM referrals
        UNION ALL BY NAME
        SELECT 'pipeline_velocity' AS kpi, moved_ms AS time_ms FROM deal_moves
    )
SELECT kpi, min(time_ms) AS began_ms
FROM facts
WHERE time_ms < getvariable('at_ms')
GROUP BY kpi;
