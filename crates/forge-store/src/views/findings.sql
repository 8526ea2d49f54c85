CREATE VIEW findings AS
-- The plain search keeps long entries without findings from being parsed.
WITH texts AS (
    SELECT stream, sequence, CAST(payload AS TEXT) AS entry
    FROM journal_entries
    WHERE instr(payload, CAST('"findings":[{' AS BLOB)) > 0
),
said AS (
    SELECT stream, sequence, finding.value AS finding
    FROM texts, json_each(CASE WHEN json_valid(entry) THEN entry ELSE '{}' END, '$.findings') AS finding
    WHERE CASE WHEN finding.type = 'object' THEN json_extract(finding.value, '$.remark.claim') END IS NOT NULL
),
latest AS (
    SELECT
        stream,
        finding,
        row_number() OVER (PARTITION BY stream, json_extract(finding, '$.id') ORDER BY sequence DESC) AS age
    FROM said
),
answers AS (
    SELECT stream, sequence, CAST(payload AS TEXT) AS entry
    FROM journal_entries
    WHERE instr(payload, CAST('"type":"call_finished"' AS BLOB)) > 0
        AND instr(payload, CAST('"stage":"critique"' AS BLOB)) > 0
),
-- Who answered at which seat, once for each session.
critics AS MATERIALIZED (
    SELECT stream, json_group_array(json_array(
        json_extract(entry, '$.call.cycle'), json_extract(entry, '$.call.seat'), sequence,
        -- Journals of before call the id so, and the vendor `provider`.
        coalesce(json_extract(entry, '$.answer.served.provider_id'), json_extract(entry, '$.answer.served.provider'))
            || '/' || json_extract(entry, '$.answer.served.model')
    )) AS seats
    FROM answers
    WHERE json_valid(entry)
    GROUP BY stream
)
SELECT
    journal_streams.name AS session,
    'F' || json_extract(finding, '$.id') AS id,
    json_extract(finding, '$.cycle') AS cycle,
    coalesce(json_extract(finding, '$.remark.severity'), 'unrated') AS severity,
    json_extract(finding, '$.remark.category') AS category,
    json_extract(finding, '$.remark.claim') AS claim,
    json_extract(finding, '$.remark.quote') AS quote,
    json_extract(finding, '$.remark.suggested_change') AS suggested_change,
    json_extract(finding, '$.anchored') AS anchored,
    json_extract(finding, '$.state') AS state,
    json_extract(finding, '$.disposition.decision') AS decision,
    json_extract(finding, '$.disposition.reason') AS reason,
    'F' || json_extract(finding, '$.disposition.same_as') AS duplicate_of,
    coalesce(json_extract(finding, '$.checked'), 0) AS checked,
    json_extract(finding, '$.note') AS note,
    json_array_length(finding, '$.raised_by') AS voices,
    (
        SELECT json_group_array(CASE
            WHEN json_extract(voice.value, '$.person') THEN 'the person who asked'
            WHEN json_extract(voice.value, '$.seat') IS NULL THEN 'the checker'
            ELSE (
                -- A late answer counts in a later cycle than the one in which it was asked for.
                SELECT json_extract(seat.value, '$[3]') FROM json_each(critics.seats) AS seat
                WHERE json_extract(seat.value, '$[1]') = json_extract(voice.value, '$.seat')
                    AND json_extract(seat.value, '$[0]') <= json_extract(voice.value, '$.cycle')
                ORDER BY json_extract(seat.value, '$[0]') DESC, json_extract(seat.value, '$[2]') DESC LIMIT 1
            )
            END)
        FROM json_each(finding, '$.raised_by') AS voice
    ) AS raised_by
FROM latest
JOIN journal_streams ON journal_streams.id = latest.stream
LEFT JOIN critics ON critics.stream = latest.stream
WHERE age = 1
