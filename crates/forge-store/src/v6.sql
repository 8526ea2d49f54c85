-- The secrets under which servers seal what clients carry for vendors: the current one, and the one before.
CREATE TABLE seal_secrets (
    place INTEGER PRIMARY KEY, -- 0 the current one, 1 the one before
    secret BLOB NOT NULL       -- 32 bytes
) STRICT;
