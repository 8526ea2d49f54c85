-- Agents as they were set up when they were used. Another setting is another row.
CREATE TABLE agent_settings (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    temperature REAL,
    max_steps INTEGER NOT NULL,
    max_tokens INTEGER,
    max_cost INTEGER,          -- billionths of a dollar
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;

-- Hooks as they were set up when they ran. Another setting, and another script, is another row.
CREATE TABLE hook_settings (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    matcher TEXT,
    argv TEXT NOT NULL,        -- a JSON array; of a preset its name alone
    origin TEXT NOT NULL,
    required INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    result TEXT NOT NULL,      -- of the last run
    exit TEXT,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
