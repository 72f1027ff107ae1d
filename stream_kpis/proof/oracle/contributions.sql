-- What counts in each window. Makes: contributions.

-- An observation counts if its time falls in the window. The window now has no beginning.
CREATE OR REPLACE TEMP VIEW contributions AS
SELECT ask, numerator, denominator, samples, duration_ms, factor, party, entity, dims, true AS in_whole
FROM observations AS o
JOIN asks AS a ON a.kpi = o.kpi AND o.time_ms < a.to_ms AND (a."window" = 'now' OR o.time_ms >= a.from_ms)
UNION ALL BY NAME
FROM window_observations;
