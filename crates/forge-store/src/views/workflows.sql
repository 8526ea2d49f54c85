CREATE VIEW workflows AS
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
    name AS workflow,
    json_extract(brief, '$.title') AS title,
    json_extract(brief, '$.stage') AS stage,
    json_extract(brief, '$.paused') AS paused,
    json_extract(head, '$.event.brief.session') AS session,
    json_extract(head, '$.event.brief.workspace') AS workspace,
    strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(head, '$.event.at')) AS started_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', streams.updated_at / 1000.0, 'unixepoch') AS updated_at,
    json_extract(brief, '$.cost_nano_usd') AS cost_nano_usd,
    json_extract(brief, '$.cost_nano_usd') / 1e9 AS cost_usd,
    entries,
    bytes
FROM streams
WHERE json_extract(brief, '$.kind') = 'workflow'
