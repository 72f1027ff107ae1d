-- Customers: spells, the levels of active customers and of their worth, who is new, who lapsed and returned, who refers.
-- Makes: customer_steps, spells, level_moves, worth_moves, plan_changes, cohorts, new_customers, lapses, referrals.

-- The events that say something, with the running dimensions and worth per month just after each. A party is one customer.
CREATE OR REPLACE TEMP TABLE customer_steps AS
SELECT
    party,
    event_no,
    type,
    time_ms,
    reason,
    yes_no(voluntary) AS voluntary,
    coalesce(effective_ms, time_ms) AS effective_ms,
    type IN ('customer.created', 'customer.reactivated') AS opens,
    type IN ('customer.churned', 'customer.merged') AS closes,
    coalesce(last_value(plan IGNORE NULLS) OVER so_far, 'unknown') AS plan,
    coalesce(last_value(segment IGNORE NULLS) OVER so_far, 'unknown') AS segment,
    coalesce(last_value(country IGNORE NULLS) OVER so_far, 'unknown') AS country,
    coalesce(last_value(channel IGNORE NULLS) OVER so_far, 'unknown') AS channel,
    last_value(value IGNORE NULLS) OVER so_far AS worth,  -- NULL if none was named
    last_value(value IGNORE NULLS) OVER earlier AS worth_before,
    -- As it was paid.
    last_value(paid IGNORE NULLS) OVER so_far AS paid,
    last_value(paid IGNORE NULLS) OVER earlier AS paid_before,
    last_value(CASE WHEN value IS NOT NULL THEN paid_in END IGNORE NULLS) OVER so_far AS paid_in,
    last_value(CASE WHEN value IS NOT NULL THEN paid_in END IGNORE NULLS) OVER earlier AS paid_in_before,
    rate,
    rate_rest
FROM events
WHERE family = 'customer'
WINDOW
    so_far AS (PARTITION BY party ORDER BY event_no ROWS UNBOUNDED PRECEDING),
    earlier AS (PARTITION BY party ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);

-- Spells. After an opening event a customer is always active. What follows takes a churn back that takes effect only after
-- it: another churn or a merge closes instead, an opening lets the spell go on (else it begins a new one). So of those
-- before the next opening the first closes that the next of them does not take back.
-- (A churn takes effect at the spell's start at the earliest; never after what follows, so here it does not matter.)
CREATE OR REPLACE TEMP TABLE spells AS
WITH
    stretches AS (
        SELECT *, sum(opens::INTEGER) OVER (PARTITION BY party ORDER BY event_no ROWS UNBOUNDED PRECEDING) AS stretch
        FROM customer_steps
    ),
    followed AS (
        SELECT *, lead(time_ms) OVER (PARTITION BY party, stretch, closes ORDER BY event_no) AS next_ms
        FROM stretches
        WHERE stretch > 0
    ),
    stretch_ends AS (
        SELECT
            party,
            stretch,
            min(event_no) AS opening_no,
            -- A merge is effective at once.
            min(event_no) FILTER (closes AND coalesce(effective_ms <= next_ms, true)) AS closing_no
        FROM followed
        GROUP BY party, stretch
    ),
    judged AS (
        SELECT
            s.*,
            opening.time_ms AS opening_ms,
            lag(s.closing_no) OVER (PARTITION BY s.party ORDER BY s.stretch) AS earlier_closing_no
        FROM stretch_ends AS s
        JOIN customer_steps AS opening ON opening.event_no = s.opening_no
    ),
    begun AS (
        SELECT
            j.*,
            j.stretch = 1 OR coalesce(c.effective_ms <= j.opening_ms, false) AS begins
        FROM judged AS j
        LEFT JOIN customer_steps AS c ON c.event_no = j.earlier_closing_no
    ),
    numbered AS (
        SELECT *, sum(begins::INTEGER) OVER (PARTITION BY party ORDER BY stretch ROWS UNBOUNDED PRECEDING) AS spell
        FROM begun
    ),
    bounds AS (
        SELECT
            party,
            spell,
            min(opening_no) AS opening_no,
            last(closing_no ORDER BY stretch) AS closing_no  -- NULL if the spell goes on
        FROM numbered
        GROUP BY party, spell
    ),
    dated AS (
        SELECT
            b.*,
            opening.time_ms AS began_ms,
            closing.type = 'customer.churned' AS churned,
            closing.voluntary,
            CASE
                WHEN churned THEN greatest(closing.effective_ms, opening.time_ms)
                ELSE closing.time_ms
            END AS ended_ms,
            opening.plan AS joined_plan,
            opening.segment AS joined_segment,
            opening.channel AS joined_channel,
            opening.worth AS joined_worth
        FROM bounds AS b
        JOIN customer_steps AS opening ON opening.event_no = b.opening_no
        LEFT JOIN customer_steps AS closing ON closing.event_no = b.closing_no
    ),
    -- The closing itself, unless it tells of an end afterwards: then what had happened by that end.
    lasts AS (
        SELECT d.opening_no, max(s.event_no) AS last_no
        FROM dated AS d
        JOIN customer_steps AS s
            ON s.party = d.party
            AND s.event_no BETWEEN d.opening_no AND d.closing_no
            AND s.time_ms <= d.ended_ms
        GROUP BY d.opening_no
    )
SELECT
    dated.*,
    last_no,
    last.plan,
    last.segment,
    last.country,
    last.channel,
    last.worth
FROM dated
LEFT JOIN lasts USING (opening_no)
LEFT JOIN customer_steps AS last ON last.event_no = last_no;

-- What happens inside spells, from the opening to the closing, or up to an end that it tells of afterwards.
CREATE OR REPLACE TEMP TABLE spell_steps AS
SELECT
    s.*,
    spells.opening_no,
    lag(s.plan) OVER steps AS plan_before,
    lag(s.segment) OVER steps AS segment_before,
    lag(s.country) OVER steps AS country_before,
    lag(s.channel) OVER steps AS channel_before
FROM spells
JOIN customer_steps AS s
    ON s.party = spells.party AND s.event_no >= opening_no AND s.event_no <= coalesce(last_no, s.event_no)
WINDOW steps AS (PARTITION BY opening_no ORDER BY s.event_no);

-- The level of active customers as moves: in at a spell's start, out at its end, from group to group in between.
CREATE OR REPLACE TEMP TABLE level_moves AS
WITH changes AS (
    SELECT *
    FROM spell_steps
    WHERE
        event_no > opening_no
        AND (plan, segment, country, channel) <> (plan_before, segment_before, country_before, channel_before)
)
SELECT party, time_ms AS moved_ms, 1 AS move, plan, segment, country, channel
FROM spell_steps
WHERE event_no = opening_no
UNION ALL
SELECT party, time_ms, 1, plan, segment, country, channel FROM changes
UNION ALL
SELECT party, time_ms, -1, plan_before, segment_before, country_before, channel_before FROM changes
UNION ALL
SELECT party, ended_ms, -1, plan, segment, country, channel FROM spells WHERE ended_ms IS NOT NULL;

-- The same of what they are worth, if it is known; a changed worth moves it too.
CREATE OR REPLACE TEMP TABLE worth_moves AS
WITH
    changes AS (
        SELECT *
        FROM spell_steps
        WHERE
            event_no > opening_no
            AND (
                (plan, segment, channel) <> (plan_before, segment_before, channel_before)
                OR worth IS DISTINCT FROM worth_before
            )
    ),
    moves AS (
        SELECT party, time_ms AS moved_ms, worth AS move, plan, segment, channel
        FROM spell_steps
        WHERE event_no = opening_no
        UNION ALL
        SELECT party, time_ms, worth, plan, segment, channel FROM changes
        UNION ALL
        SELECT party, time_ms, -worth_before, plan_before, segment_before, channel_before FROM changes
        UNION ALL
        SELECT party, ended_ms, -worth, plan, segment, channel FROM spells WHERE ended_ms IS NOT NULL
    )
FROM moves
WHERE move IS NOT NULL;

-- Changes of plan to a value beside the running one, both known, while a spell is open in order, and not after an end told
-- of afterwards. They compare what was paid, if both were in one currency: a rate that moves is no change.
CREATE OR REPLACE TEMP TABLE plan_changes AS
SELECT
    s.party,
    s.time_ms AS changed_ms,
    CASE
        WHEN s.paid_in = s.paid_in_before THEN converted(s.paid - s.paid_before, s.rate, s.rate_rest)::BIGINT
        ELSE s.worth - s.worth_before
    END AS difference,
    s.plan,
    s.segment,
    s.channel
FROM customer_steps AS s
SEMI JOIN spells
    ON spells.party = s.party
    AND s.event_no > spells.opening_no
    AND (spells.closing_no IS NULL OR (s.event_no < spells.closing_no AND s.time_ms <= spells.ended_ms))
WHERE s.type = 'customer.plan_changed' AND s.rate IS NOT NULL AND s.worth_before IS NOT NULL;

-- When each party that ever was a customer first became one; but not who was merged into another in the end.
CREATE OR REPLACE TEMP TABLE cohorts AS
SELECT party, arg_min(began_ms, opening_no) AS joined_ms
FROM spells
GROUP BY party
HAVING coalesce(last(churned ORDER BY opening_no), true);

-- The first spell of each party, if a creation opened it and the party was never merged into another.
CREATE OR REPLACE TEMP TABLE new_customers AS
WITH
    merged AS (SELECT DISTINCT party FROM events WHERE type = 'customer.merged'),
    first AS (SELECT party, min(opening_no) AS event_no FROM spells GROUP BY party)
SELECT
    party,
    e.time_ms AS joined_ms,
    coalesce(e.channel, 'unknown') AS channel,
    coalesce(e.campaign_id, 'unknown') AS campaign,
    coalesce(e.segment, 'unknown') AS segment,
    yes_no(e.referred_by IS NOT NULL) AS referred
FROM first
JOIN events AS e USING (party, event_no)
ANTI JOIN merged USING (party)
WHERE e.type = 'customer.created';

-- From a leave to the next spell, or to a merge before it, from which nobody returns; with the dimensions of the leave.
CREATE OR REPLACE TEMP TABLE lapses AS
WITH
    followed AS (
        SELECT
            *,
            lead(opening_no) OVER following AS next_no,
            lead(began_ms) OVER following AS next_ms,
            lead(joined_plan) OVER following AS next_plan,
            lead(joined_segment) OVER following AS next_segment,
            lead(joined_channel) OVER following AS next_channel,
            lead(joined_worth) OVER following AS next_worth
        FROM spells
        WINDOW following AS (PARTITION BY party ORDER BY opening_no)
    ),
    merges AS (
        SELECT f.opening_no, arg_min(s.time_ms, s.event_no) AS merged_ms
        FROM followed AS f
        JOIN customer_steps AS s ON s.party = f.party AND s.event_no > f.closing_no
        WHERE s.type = 'customer.merged' AND (f.next_no IS NULL OR s.event_no < f.next_no)
        GROUP BY f.opening_no
    )
SELECT
    f.party,
    f.ended_ms AS left_ms,
    CASE WHEN merged_ms IS NULL THEN next_ms ELSE greatest(ended_ms, merged_ms) END AS over_ms,
    merged_ms IS NULL AND next_ms IS NOT NULL AS returned,
    f.plan,
    f.segment,
    f.country,
    f.channel,
    f.next_plan,
    f.next_segment,
    f.next_channel,
    f.next_worth
FROM followed AS f
LEFT JOIN merges USING (opening_no)
WHERE f.churned;

-- Who recommended us to another party, and when.
CREATE OR REPLACE TEMP TABLE referrals AS
SELECT party, time_ms AS referred_ms
FROM events
WHERE type = 'customer.referred' AND referred_id <> party;
