-- What parties and their accounts answered. Scope: the party. Reads surveys. Makes: nps_answers, nps_accounts.

-- The answers that count in nps: those about us, not about a ticket.
CREATE OR REPLACE TEMP TABLE nps_answers AS
SELECT *, (score >= 9_000_000)::INTEGER - (score <= 6_000_000)::INTEGER AS verdict
FROM surveys
WHERE kind = 'nps' AND NOT transactional AND in_scale AND scale_min = 0 AND scale_max = 10_000_000;

-- An account within a party, or the party itself: the mean of the 90 days up to its last answer.
CREATE OR REPLACE TEMP TABLE nps_accounts AS
WITH
    last AS (
        SELECT party, account_id, max(answered_ms) AS answered_ms
        FROM nps_answers
        GROUP BY party, account_id
    ),
    recent AS (
        SELECT last.*, count(*) AS answers, sum(a.score) AS score
        FROM last
        JOIN nps_answers AS a ON a.party = last.party AND a.account_id IS NOT DISTINCT FROM last.account_id
        WHERE a.answered_ms > last.answered_ms - days_ms(90)
        GROUP BY ALL
    )
SELECT
    party,
    coalesce(account_id, '') AS account,
    answered_ms,
    (score >= 9_000_000 * answers)::INTEGER - (score <= 6_000_000 * answers)::INTEGER AS verdict
FROM recent;
