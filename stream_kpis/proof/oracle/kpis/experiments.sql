-- Experiments. An observation counts in every window that its time falls in.

-- Cohort: at the exposure; converted at most H later.
INSERT INTO observations BY NAME
SELECT
    'ab_conversion_rate' AS kpi,
    exposed_ms AS time_ms,
    coalesce(converted_ms - exposed_ms <= getvariable('horizon_ms'), false)::INTEGER AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    experiment AS entity,
    MAP {'experiment,variant': pair(experiment, variant)} AS dims
FROM exposures
WHERE NOT crossed;

INSERT INTO observations BY NAME
SELECT 'units exposed' AS kpi, time_ms, 1 AS numerator, 1 AS samples, party, entity, dims
FROM observations
WHERE kpi = 'ab_conversion_rate';

INSERT INTO observations BY NAME
SELECT
    'ab_crossovers' AS kpi,
    exposed_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    experiment AS entity,
    MAP {'experiment': experiment} AS dims
FROM exposures
WHERE crossed;
