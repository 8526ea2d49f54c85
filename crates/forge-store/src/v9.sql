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

-- Tasks of queues whose lines stand here. A line is kept byte for byte.
CREATE TABLE queue_lines (
    place INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,       -- the folder of the workspace
    task TEXT NOT NULL,
    line TEXT NOT NULL,        -- a JSON object
    UNIQUE (queue, task)
) STRICT;

-- Who had a task, and until when: one row for each generation, so that no generation has two owners. Rows stay, and a task
-- may have some although its line stands elsewhere.
CREATE TABLE queue_leases (
    place INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    task TEXT NOT NULL,
    generation INTEGER NOT NULL,  -- from 1 for each task, without gaps
    owner TEXT NOT NULL,
    began_at INTEGER NOT NULL,    -- milliseconds since 1970
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,             -- NULL while nobody has ended it
    ending TEXT,                  -- released, forced, closed or expired
    ended_by TEXT,                -- who forced it
    detail TEXT,                  -- the reason, or what shows that the task is done
    UNIQUE (queue, task, generation)
) STRICT;

-- Why tasks went where they went.
CREATE TABLE queue_decisions (
    place INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    task TEXT NOT NULL,
    at INTEGER NOT NULL,
    decision TEXT NOT NULL        -- a JSON object
) STRICT;

CREATE INDEX queue_decisions_by_task ON queue_decisions (queue, task);
