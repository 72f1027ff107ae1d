-- Interactions and complaints. An observation counts in every window that its time falls in.
-- Of what is per mean active, windows.sql adds the time that customers spent.

INSERT INTO observations BY NAME
SELECT
    'interaction_frequency' AS kpi,
    made_ms AS time_ms,
    1 AS numerator,
    0 AS denominator,
    1 AS samples,
    party,
    interaction_id AS entity,
    MAP {'direction': direction, 'automated': automated, 'channel': channel, 'owner': owner} AS dims
FROM interactions;

INSERT INTO observations BY NAME
SELECT
    'rep_activity' AS kpi,
    made_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    interaction_id AS entity,
    MAP {'owner': owner, 'channel': channel} AS dims
FROM interactions
WHERE touches;

INSERT INTO observations BY NAME
SELECT
    'complaints_received' AS kpi,
    received_ms AS time_ms,
    1 AS numerator,
    1 AS samples,
    party,
    complaint_id AS entity,
    MAP {'category': category, 'severity': severity, 'upheld': upheld} AS dims
FROM complaints;

-- Per thousand.
INSERT INTO observations BY NAME
SELECT
    'complaint_rate' AS kpi,
    received_ms AS time_ms,
    1000 AS numerator,
    0 AS denominator,
    1 AS samples,
    party,
    complaint_id AS entity,
    MAP {'category': category, 'severity': severity, 'upheld': upheld} AS dims
FROM complaints;
