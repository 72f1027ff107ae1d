-- What Python fills in.

-- How the value of a KPI is read off its sums: see catalogue.py.
CREATE TABLE catalogue (kpi VARCHAR, kind VARCHAR, unit BIGINT, thousandths BIGINT);

-- The upper edges of the buckets of durations.
CREATE TABLE edges (edge_s DOUBLE, edge_ms DOUBLE);

-- The windows asked for: [from_ms, to_ms), as published.
CREATE TABLE asks (ask BIGINT, kpi VARCHAR, "window" VARCHAR, from_ms BIGINT, to_ms BIGINT);
