CREATE VIEW tasks AS
SELECT
    id AS task,
    role,
    provider,
    attempts,
    state,
    strftime('%Y-%m-%dT%H:%M:%fZ', task_log.created_at / 1000.0, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', task_log.updated_at / 1000.0, 'unixepoch') AS updated_at
FROM task_log
