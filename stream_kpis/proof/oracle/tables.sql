-- What Python fills in.

-- How the value of a KPI is read off its sums: see catalogue.py.
CREATE TABLE catalogue (kpi VARCHAR, kind VARCHAR, unit BIGINT, thousandths BIGINT);

-- The upper edges of the buckets of durations.
CREATE TABLE edges (edge_s DOUBLE, edge_ms DOUBLE);

-- For each pipeline its stages in order, with the chance that a deal in them is won, in parts per million.
CREATE TABLE stages (pipeline VARCHAR, stage VARCHAR, place BIGINT, chance BIGINT);

-- The time to the first resolution that each priority allows; the priority NULL stands for any other and for none.
CREATE TABLE sla (priority VARCHAR, allowed_ms BIGINT);

-- The windows asked for: [from_ms, to_ms), as published.
CREATE TABLE asks (ask BIGINT, kpi VARCHAR, "window" VARCHAR, from_ms BIGINT, to_ms BIGINT);

-- The business days that operators read, as numbers of dates; the first takes in all that was before.
CREATE TABLE days (day BIGINT, from_ms BIGINT);

CREATE MACRO days_ms(days) AS days * 86_400_000::BIGINT;

CREATE MACRO yes_no(flag) AS CASE WHEN flag THEN 'yes' WHEN NOT flag THEN 'no' ELSE 'unknown' END;

-- The group of a pair of dimensions: both values with a comma between; commas of theirs become semicolons.
CREATE MACRO pair(one, other) AS replace(one, ',', ';') || ',' || replace(other, ',', ';');
