-- What was spent, by day where it covers a span of days. Makes: costs.

CREATE OR REPLACE TEMP TABLE costs AS
WITH
    incurred AS (
        SELECT
            *,
            date_of(since) AS first_day,
            date_of(until) - first_day + 1 AS span_days,
            coalesce(span_days BETWEEN 1 AND 3660, false) AS spread,
            CASE WHEN spread THEN span_days ELSE 1 END AS days
        FROM events
        WHERE type = 'cost.incurred'
    ),
    -- The days are numbered from 0. What has been spent up to each of them is rounded, so the parts add up.
    daily AS (SELECT *, unnest(range(days)) AS day FROM incurred)
SELECT
    party,
    id AS cost_id,
    -- Half past ten of UTC lies within that date in nearly every zone.
    CASE WHEN spread THEN epoch_ms(first_day::TIMESTAMP) + days_ms(day) + 37_800_000 ELSE time_ms END AS spent_ms,
    floor_div((day + 1) * amount::HUGEINT, days) - floor_div(day * amount::HUGEINT, days) AS amount,
    kind,
    coalesce(channel, 'unknown') AS channel,
    coalesce(
        campaign_id,
        CASE WHEN party LIKE 'campaign:_%' THEN substr(party, length('campaign:') + 1) END,
        'unknown'
    ) AS campaign,
    coalesce(owner_id, 'unknown') AS owner,
    coalesce(team, 'unknown') AS team
FROM daily;
