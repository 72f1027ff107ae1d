-- Costs, and what customers, leads and labour cost. An observation counts in every window that its time falls in.
-- Of what is per mean active, windows.sql adds the time that customers spent.

INSERT INTO observations BY NAME
SELECT
    'cost_per_lead' AS kpi,
    spent_ms AS time_ms,
    amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'channel': channel, 'campaign': campaign} AS dims
FROM costs
WHERE kind = 'acquisition'
UNION ALL BY NAME
SELECT
    'cost_per_lead' AS kpi,
    created_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    lead_id AS entity,
    MAP {'channel': channel, 'campaign': campaign} AS dims
FROM leads;

INSERT INTO beginnings
SELECT 'cost_per_lead', min(spent_ms)
FROM costs
WHERE kind = 'acquisition';

-- What it costs to win customers: acquisition and the labour of sales.
CREATE OR REPLACE TEMP TABLE cac_costs AS
FROM costs
WHERE kind = 'acquisition' OR (kind = 'labour' AND team = 'sales');

INSERT INTO observations BY NAME
SELECT
    'cac' AS kpi,
    spent_ms AS time_ms,
    amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'channel': channel} AS dims
FROM cac_costs;

-- Labour alone is no first cost of winning them.
INSERT INTO beginnings
SELECT kpi, min(spent_ms)
FROM costs
CROSS JOIN (VALUES ('cac'), ('cac_lagged')) AS kpis (kpi)
WHERE kind = 'acquisition'
GROUP BY kpi;

-- The lagged one is in windows_value.sql.
INSERT INTO observations BY NAME
SELECT
    'cac' AS kpi,
    joined_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'channel': channel} AS dims
FROM new_customers;

INSERT INTO observations BY NAME
SELECT
    'cac_paid' AS kpi,
    spent_ms AS time_ms,
    amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'channel': channel, 'campaign': campaign} AS dims
FROM costs
WHERE kind = 'acquisition' AND campaign <> 'unknown'
UNION ALL BY NAME
SELECT
    'cac_paid' AS kpi,
    joined_ms AS time_ms,
    0 AS numerator,
    1 AS denominator,
    1 AS samples,
    party,
    MAP {'channel': channel, 'campaign': campaign} AS dims
FROM new_customers
WHERE campaign <> 'unknown';

INSERT INTO beginnings
SELECT 'cac_paid', min(spent_ms)
FROM costs
WHERE kind = 'acquisition';

INSERT INTO observations BY NAME
SELECT
    'cost_per_customer' AS kpi,
    spent_ms AS time_ms,
    amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'kind': kind} AS dims
FROM costs
WHERE kind IN ('acquisition', 'retention');

INSERT INTO beginnings
SELECT 'cost_per_customer', min(spent_ms)
FROM costs
WHERE kind IN ('acquisition', 'retention');

INSERT INTO observations BY NAME
SELECT
    'retention costs' AS kpi,
    spent_ms AS time_ms,
    amount AS numerator,
    0 AS samples,
    party,
    cost_id AS entity
FROM costs
WHERE kind = 'retention';

INSERT INTO beginnings
SELECT 'retention costs', min(spent_ms)
FROM costs
WHERE kind = 'retention';

-- Revenue less the goods that orders name and all costs.
INSERT INTO observations BY NAME
SELECT 'profit_per_customer' AS kpi, time_ms, numerator, 0 AS denominator, 0 AS samples, party, entity
FROM observations
WHERE kpi = 'revenue_net'
UNION ALL BY NAME
SELECT
    'profit_per_customer' AS kpi,
    placed_ms AS time_ms,
    -goods AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    order_id AS entity
FROM orders
WHERE goods IS NOT NULL
UNION ALL BY NAME
SELECT
    'profit_per_customer' AS kpi,
    spent_ms AS time_ms,
    -amount AS numerator,
    0 AS denominator,
    0 AS samples,
    party,
    cost_id AS entity
FROM costs;

INSERT INTO beginnings
SELECT 'profit_per_customer', min(spent_ms)
FROM costs;

INSERT INTO observations BY NAME
SELECT
    'revenue_per_labour_cost' AS kpi,
    time_ms,
    numerator,
    0 AS denominator,
    samples,
    party,
    entity,
    MAP {'owner': dims['owner']} AS dims
FROM observations
WHERE kpi = 'revenue_net'
UNION ALL BY NAME
SELECT
    'revenue_per_labour_cost' AS kpi,
    spent_ms AS time_ms,
    0 AS numerator,
    amount AS denominator,
    0 AS samples,
    party,
    cost_id AS entity,
    MAP {'owner': owner} AS dims
FROM costs
WHERE kind = 'labour';
