-- Versions of prompts, each with what it takes to render it again.
CREATE TABLE prompt_versions (
    place INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,   -- from 1 for each name, without gaps
    hash TEXT NOT NULL,
    file TEXT NOT NULL,        -- its ending says how the text is read
    text TEXT NOT NULL,
    parts TEXT NOT NULL,       -- a JSON object: the texts of what it includes, by file
    first_used INTEGER NOT NULL,
    UNIQUE (name, number),
    UNIQUE (name, hash)
) STRICT;

-- How labels were moved. It only grows; the last row of a label says where it points.
CREATE TABLE prompt_labels (
    place INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    version INTEGER NOT NULL,  -- a number of `prompt_versions`
    before INTEGER,            -- the place of the row to which the label goes back
    at INTEGER NOT NULL,       -- milliseconds since 1970
    by TEXT NOT NULL
) STRICT;

CREATE INDEX prompt_labels_by_label ON prompt_labels (name, label, place);

-- What came of a call or a session, as somebody says.
CREATE TABLE prompt_scores (
    place INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,     -- the id of a call, or the name of a session
    value REAL NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    UNIQUE (subject, by)
) STRICT;

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
