-- What was asked over the Model Context Protocol.
CREATE TABLE mcp_calls (
    place INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    connection TEXT,
    transport TEXT NOT NULL,
    client TEXT,
    key TEXT,
    tool TEXT NOT NULL,
    outcome TEXT NOT NULL,
    duration_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX mcp_calls_started ON mcp_calls (started_at);

CREATE TABLE mcp_clients (
    id TEXT PRIMARY KEY,
    transport TEXT NOT NULL,
    client TEXT,
    version TEXT,
    protocol TEXT NOT NULL,
    key TEXT,
    began_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX mcp_clients_began ON mcp_clients (began_at);
