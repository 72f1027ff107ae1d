-- What every KPI puts its observations into. A KPI's SQL fills observations (facts with a time) or, where the
-- window's own edges matter, window_observations; contributions is what counts in each asked window.

CREATE OR REPLACE TEMP TABLE observations (
    kpi VARCHAR,
    time_ms BIGINT,
    numerator HUGEINT,
    denominator BIGINT,
    samples BIGINT,
    duration_ms BIGINT,
    party VARCHAR,
    entity VARCHAR DEFAULT '',
    dims MAP(VARCHAR, VARCHAR) DEFAULT MAP {}
);

CREATE OR REPLACE TEMP TABLE window_observations (
    ask BIGINT,
    numerator HUGEINT,
    denominator BIGINT,
    samples BIGINT,
    duration_ms BIGINT,
    party VARCHAR,
    entity VARCHAR DEFAULT '',
    dims MAP(VARCHAR, VARCHAR) DEFAULT MAP {}
);

-- The window now has no beginning.
CREATE OR REPLACE TEMP VIEW contributions AS
SELECT ask, numerator, denominator, samples, duration_ms, party, entity, dims
FROM observations AS o
JOIN asks AS a ON a.kpi = o.kpi AND o.time_ms < a.to_ms AND (a."window" = 'now' OR o.time_ms >= a.from_ms)
UNION ALL BY NAME
FROM window_observations;
