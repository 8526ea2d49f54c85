-- Until when vendors want no calls, so that the next process does not ask.
CREATE TABLE cooldowns (
    route TEXT PRIMARY KEY,
    cause INTEGER NOT NULL, -- as attempts.error
    until INTEGER NOT NULL  -- milliseconds since 1970
) WITHOUT ROWID;
