-- What the files in kpis/ fill. Makes: observations, beginnings.

-- One row per fact that a KPI counts, at the fact's time, with the integers that it adds.
-- Without an entity it is about the party itself.

CREATE OR REPLACE TEMP TABLE observations (
    kpi VARCHAR,
    time_ms BIGINT,
    numerator HUGEINT,
    denominator HUGEINT,
    samples BIGINT,
    duration_ms BIGINT,
    factor VARCHAR,  -- of a product of ratios: which one
    party VARCHAR,
    entity VARCHAR DEFAULT '',
    dims MAP(VARCHAR, VARCHAR) DEFAULT MAP {}
);

-- When the first began of what a KPI counts at an instant, or was spent of what it cannot do without.
CREATE OR REPLACE TEMP TABLE beginnings (kpi VARCHAR, began_ms BIGINT);
