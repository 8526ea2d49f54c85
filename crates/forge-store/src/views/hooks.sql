CREATE VIEW hooks AS
SELECT
    name AS hook,
    event,
    matcher,
    argv,
    origin,
    required,
    hash AS trusted_hash,
    runs,
    result AS last_result,
    exit AS last_exit,
    strftime('%Y-%m-%dT%H:%M:%fZ', hook_settings.first_used / 1000.0, 'unixepoch') AS first_used,
    strftime('%Y-%m-%dT%H:%M:%fZ', hook_settings.last_used / 1000.0, 'unixepoch') AS last_used
FROM hook_settings
