-- Who was exposed to which variant, and then bought. Scope: the party. Reads deals and orders. Makes: exposures.

-- The variant is that of the first exposure; who was also exposed to another one is a crossover.
CREATE OR REPLACE TEMP TABLE exposures AS
WITH
    exposed AS (
        SELECT
            party,
            experiment,
            arg_min(variant, event_no) AS variant,
            arg_min(time_ms, event_no) AS exposed_ms,
            count(DISTINCT variant) > 1 AS crossed
        FROM events
        WHERE type = 'experiment.exposed'
        GROUP BY party, experiment
    ),
    bought AS (
        SELECT party, closed_ms AS bought_ms FROM deals WHERE won
        UNION ALL
        SELECT party, placed_ms FROM orders
    )
SELECT e.*, min(b.bought_ms) AS converted_ms
FROM exposed AS e
LEFT JOIN bought AS b ON b.party = e.party AND b.bought_ms >= e.exposed_ms
GROUP BY ALL;
