CREATE VIEW mcp_requests AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
    connection,
    transport,
    client,
    key,
    tool,
    outcome,
    duration_ms
FROM mcp_calls
