CREATE VIEW beads AS
WITH tasks AS (
    SELECT queue, task FROM queue_lines UNION SELECT queue, task FROM queue_leases
)
SELECT
    tasks.queue AS workspace,
    tasks.task AS id,
    line ->> '$.title' AS title,
    coalesce(line ->> '$.issue_type', CASE WHEN line IS NOT NULL THEN 'task' END) AS kind,
    coalesce(line ->> '$.status', CASE WHEN line IS NOT NULL THEN 'open' END) AS status,
    coalesce(line ->> '$.priority', CASE WHEN line IS NOT NULL THEN 2 END) AS priority,
    line ->> '$.created_at' AS created_at,
    line ->> '$.updated_at' AS updated_at,
    coalesce(generation, 0) AS claims,
    owner,
    strftime('%Y-%m-%dT%H:%M:%fZ', began_at / 1000.0, 'unixepoch') AS claimed_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', expires_at / 1000.0, 'unixepoch') AS expires_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000.0, 'unixepoch') AS ended_at,
    ending,
    detail
FROM tasks
LEFT JOIN queue_lines ON queue_lines.queue = tasks.queue AND queue_lines.task = tasks.task
LEFT JOIN queue_leases AS last ON last.queue = tasks.queue AND last.task = tasks.task AND last.generation =
    (SELECT max(generation) FROM queue_leases AS own WHERE own.queue = tasks.queue AND own.task = tasks.task)
-- The key of a record of another kind begins with a `~`.
WHERE substr(tasks.task, 1, 1) <> '~'
