-- Keys of a server's clients. A revoked one stays, so that nobody gets its name and inherits what it spent.
CREATE TABLE client_keys (
    place INTEGER PRIMARY KEY, -- in the order in which they were made
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    team TEXT,                 -- a name of `teams`, unless the key was revoked before the team was deleted
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    state INTEGER NOT NULL,    -- 0 active, 1 disabled, 2 revoked
    secrets TEXT NOT NULL,     -- a JSON array: the SHA-256 of each secret, and until when it holds
    allowance TEXT NOT NULL    -- a JSON object
) STRICT;

CREATE INDEX client_keys_by_team ON client_keys (team) WHERE team IS NOT NULL;

CREATE TABLE teams (name TEXT PRIMARY KEY, allowance TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What was done to keys and teams. It only grows; each hash is over the one before and its own row.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, -- from 1, without gaps
    at INTEGER NOT NULL,        -- milliseconds since 1970
    by TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,       -- a JSON object
    hash TEXT NOT NULL
) STRICT;
