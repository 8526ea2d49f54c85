CREATE VIEW sessions AS
-- A stream may belong to something else, so that nothing is taken for JSON unseen.
WITH streams AS (
    SELECT
        *,
        CASE WHEN json_valid(summary) THEN summary END AS brief,
        (SELECT CASE WHEN json_valid(CAST(payload AS TEXT)) THEN CAST(payload AS TEXT) END
            FROM journal_entries WHERE stream = journal_streams.id AND sequence = 0) AS head
    FROM journal_streams
)
SELECT
    name AS session,
    coalesce(json_extract(brief, '$.title'), json_extract(head, '$.plan.topic.title')) AS title,
    json_extract(brief, '$.status') AS status,
    json_extract(brief, '$.stop_reason') AS stop_reason,
    json_extract(head, '$.plan.settings.mode') AS mode,
    coalesce(json_extract(head, '$.plan.simulated'), 0) AS simulated,
    strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(head, '$.started')) AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', streams.updated_at / 1000.0, 'unixepoch') AS updated_at,
    CASE WHEN json_extract(brief, '$.stop_reason') IS NOT NULL
        THEN strftime('%Y-%m-%dT%H:%M:%fZ', streams.updated_at / 1000.0, 'unixepoch') END AS ended_at,
    json_extract(brief, '$.calls') AS calls,
    json_extract(brief, '$.cost') AS cost_nano_usd,
    json_extract(brief, '$.cost') / 1e9 AS cost_usd,
    entries,
    bytes
FROM streams
WHERE json_extract(head, '$.type') = 'session_started'
