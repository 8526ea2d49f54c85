-- Responses that servers keep for their clients, and what each of them answers.
CREATE TABLE responses (
    place INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,       -- the id of a key, or empty where there are none
    id TEXT NOT NULL,
    previous TEXT,             -- the id of the one that it goes on from
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    under_way_until INTEGER,   -- NULL once its call has ended
    input TEXT NOT NULL,       -- a JSON array
    response TEXT NOT NULL,    -- a JSON object
    UNIQUE (owner, id)
) STRICT;

CREATE INDEX responses_by_expiry ON responses (expires_at);
CREATE INDEX responses_under_way ON responses (id) WHERE under_way_until IS NOT NULL;
