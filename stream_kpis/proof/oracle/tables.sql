-- What Python fills in.

-- How the value of a KPI is read off its sums: see catalogue.py.
CREATE TABLE catalogue (
    kpi VARCHAR,
    kind VARCHAR,
    unit DOUBLE,
    thousandths BIGINT,
    samples VARCHAR,
    awaits_first BOOLEAN,
    interval VARCHAR
);

-- The upper edges of the buckets of durations.
CREATE TABLE edges (edge_s DOUBLE, edge_ms DOUBLE);

-- For each pipeline its stages in order, with the chance that a deal in them is won, in parts per million.
CREATE TABLE stages (pipeline VARCHAR, stage VARCHAR, place BIGINT, chance BIGINT);

-- The time to the first resolution that each priority allows; the priority NULL stands for any other and for none.
CREATE TABLE sla (priority VARCHAR, allowed_ms BIGINT);

-- The business calendars that there are, and where they are open: [from_ms, to_ms), apart from each other; with how
-- long each was open until to_ms, since 1970.
CREATE TABLE calendars (calendar VARCHAR);
CREATE TABLE open_spans (calendar VARCHAR, from_ms BIGINT, to_ms BIGINT, opened_ms BIGINT);

-- What each owner is to sell in a month, in micro-units.
CREATE TABLE quotas (owner VARCHAR, amount BIGINT);

-- Which share of the exposed each variant of an experiment is to get.
CREATE TABLE planned (experiment VARCHAR, variant VARCHAR, share DOUBLE);

-- How many samples the state ok takes; of a KPI that is not here, any.
CREATE TABLE thresholds (kpi VARCHAR, samples BIGINT);

-- The windows asked for: [from_ms, to_ms), as published; and, not asked for themselves, those of the parts of composed
-- KPIs.
CREATE TABLE asks (ask BIGINT, kpi VARCHAR, "window" VARCHAR, from_ms BIGINT, to_ms BIGINT, asked BOOLEAN);

-- Which asks are the parts of a composed one: see spans.py.
CREATE TABLE parts (ask BIGINT, part VARCHAR, part_ask BIGINT);

-- The window of the costs, where it lies before that of the customers, and that: whole days both.
CREATE TABLE lagged (ask BIGINT, from_ms BIGINT, to_ms BIGINT, joined_from_ms BIGINT, joined_to_ms BIGINT);

-- Who joined in [from_ms, until_ms) is of a cohort; its month k ends at end_ms.
CREATE TABLE retained (ask BIGINT, cohort VARCHAR, k BIGINT, from_ms BIGINT, until_ms BIGINT, end_ms BIGINT);

-- The business days that operators read, as numbers of dates; the first takes in all that was before.
CREATE TABLE days (day BIGINT, from_ms BIGINT);

CREATE MACRO days_ms(days) AS days * 86_400_000::BIGINT;

-- Division rounding towards minus infinity.
CREATE MACRO floor_div(dividend, divisor) AS
    (dividend - ((dividend % divisor) + divisor) % divisor) // divisor;

-- What an amount is worth, rounded half to even; the rate is in units and 10^-12 of one, so that nothing overflows.
CREATE MACRO converted(amount, rate, rest) AS
    amount::HUGEINT * rate
    + floor_div(amount::HUGEINT * rest, 1_000_000_000_000)
    + CASE
        WHEN 2 * (amount::HUGEINT * rest - floor_div(amount::HUGEINT * rest, 1_000_000_000_000) * 1_000_000_000_000)
            - 1_000_000_000_000
            > CASE
                WHEN (amount::HUGEINT * rate + floor_div(amount::HUGEINT * rest, 1_000_000_000_000)) % 2 = 0 THEN 0
                ELSE -1
            END
            THEN 1
        ELSE 0
    END;

-- The date that a text begins with, or nothing; years from 1 on.
CREATE MACRO date_of(words) AS CASE WHEN words >= '0001' THEN try_cast(left(words, 10) AS DATE) END;

-- The largest of 1, 2, 5, 10, 20, 50 ... that is not above a whole number; '0' below 1.
CREATE MACRO bucket_of(units) AS CASE
    WHEN units < 1 THEN '0'
    WHEN left(units::VARCHAR, 1) >= '5' THEN '5' || repeat('0', length(units::VARCHAR) - 1)
    WHEN left(units::VARCHAR, 1) >= '2' THEN '2' || repeat('0', length(units::VARCHAR) - 1)
    ELSE '1' || repeat('0', length(units::VARCHAR) - 1)
END;

CREATE MACRO yes_no(flag) AS CASE WHEN flag THEN 'yes' WHEN NOT flag THEN 'no' ELSE 'unknown' END;

-- The group of a pair of dimensions: both values with a comma between; commas of theirs become semicolons.
CREATE MACRO pair(one, other) AS replace(one, ',', ';') || ',' || replace(other, ',', ';');
