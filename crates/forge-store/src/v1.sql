CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE price_versions (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE) STRICT;

-- One row per attempt of a call. The key puts rows in the order of time, and a record that comes twice
-- meets itself there.
CREATE TABLE attempts (
    started_at INTEGER NOT NULL, -- milliseconds since 1970
    call_id BLOB NOT NULL, -- UUIDv7, 16 bytes
    attempt INTEGER NOT NULL, -- from 1
    provider INTEGER NOT NULL,
    vendor INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    served INTEGER,
    role INTEGER NOT NULL,
    session INTEGER,
    round INTEGER,
    task INTEGER,
    status INTEGER NOT NULL, -- 0 success, 1 failure, 2 retry, 3 cancelled
    error INTEGER NOT NULL, -- 0 none
    latency INTEGER NOT NULL, -- microseconds
    first_token INTEGER,
    input INTEGER,
    cache_read INTEGER,
    cache_write_5m INTEGER,
    cache_write_1h INTEGER,
    output INTEGER,
    reasoning INTEGER,
    cost INTEGER, -- nano-dollars
    price_version INTEGER,
    estimated INTEGER NOT NULL,
    ends INTEGER NOT NULL, -- the call ended with this attempt
    fallback INTEGER NOT NULL, -- the call was answered here, and began at another provider
    request_id TEXT,
    PRIMARY KEY (started_at, call_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_session ON attempts (session) WHERE session IS NOT NULL;

-- A call that succeeds at once has nothing to look up.
CREATE INDEX attempts_call ON attempts (call_id) WHERE attempt > 1 OR status <> 0;

CREATE TABLE rollups (
    width INTEGER NOT NULL, -- hours: 1 or 24
    hour INTEGER NOT NULL, -- hours since 1970
    provider INTEGER NOT NULL,
    model INTEGER NOT NULL, -- served, else asked
    role INTEGER NOT NULL,
    status INTEGER NOT NULL,
    error INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    fallbacks INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    unknown_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    unknown_cost INTEGER NOT NULL,
    latency_sum INTEGER NOT NULL,
    latency BLOB NOT NULL,
    first_token_sum INTEGER NOT NULL,
    first_token BLOB NOT NULL,
    PRIMARY KEY (width, hour, provider, model, role, status, error)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    provider TEXT,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX tasks_updated ON tasks (updated_at);

CREATE TABLE journal_streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    fence INTEGER NOT NULL,
    holder TEXT,
    lease INTEGER NOT NULL, -- milliseconds
    lease_until INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE journal_entries (
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT;

CREATE TABLE budgets (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    money INTEGER NOT NULL, -- booked
    tokens INTEGER NOT NULL
) STRICT;

CREATE TABLE holders (id INTEGER PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;

CREATE TABLE reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    holder INTEGER NOT NULL,
    money INTEGER NOT NULL,
    tokens INTEGER NOT NULL
) STRICT;

CREATE TABLE reserved (
    budget INTEGER NOT NULL,
    reservation INTEGER NOT NULL,
    part INTEGER NOT NULL, -- one call may name a budget twice
    PRIMARY KEY (budget, reservation, part)
) STRICT, WITHOUT ROWID;

CREATE INDEX reserved_by ON reserved (reservation);
