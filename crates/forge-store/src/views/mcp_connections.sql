CREATE VIEW mcp_connections AS
SELECT
    id AS connection,
    transport,
    client,
    version,
    protocol,
    key,
    strftime('%Y-%m-%dT%H:%M:%fZ', began_at / 1000.0, 'unixepoch') AS began_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000.0, 'unixepoch') AS ended_at
FROM mcp_clients
