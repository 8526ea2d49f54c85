-- One row: which form the tables have. That it is there says that the schema is Forge's.
CREATE TABLE forge_schema (version integer NOT NULL, migrated_at timestamptz NOT NULL DEFAULT now());

-- Fences of all streams come from here, so that a stream never gets one that another of its name had.
CREATE SEQUENCE fences;

CREATE TABLE journal_streams (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    fence bigint NOT NULL,
    holder text,
    lease bigint NOT NULL, -- milliseconds
    lease_until bigint NOT NULL, -- milliseconds since 1970, as all times that are numbers
    entries bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    summary text -- JSON
);

CREATE TABLE journal_entries (
    stream bigint NOT NULL REFERENCES journal_streams ON DELETE CASCADE,
    sequence bigint NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (stream, sequence)
);

-- Sums are numeric, so that no amount is too large to be taken out again exactly.
CREATE TABLE budgets (
    key text PRIMARY KEY,
    money numeric NOT NULL DEFAULT 0, -- booked, nano-dollars
    tokens numeric NOT NULL DEFAULT 0,
    reserved_money numeric NOT NULL DEFAULT 0,
    reserved_tokens numeric NOT NULL DEFAULT 0
);

-- Each open store, and until when it counts as alive, by the clock of the server.
CREATE SEQUENCE process_numbers;
CREATE TABLE processes (id bigint PRIMARY KEY, expires_at timestamptz NOT NULL);

CREATE TABLE reservations (
    id bigint PRIMARY KEY, -- of the process, and its number there
    process bigint NOT NULL,
    money numeric NOT NULL,
    tokens numeric NOT NULL,
    owner text,
    instance text,
    keys text[] NOT NULL, -- one call may name a budget twice
    counted boolean NOT NULL DEFAULT true -- whether the sums contain it: its process is alive
);

CREATE INDEX reservations_owner ON reservations (owner) WHERE owner IS NOT NULL;
CREATE INDEX reservations_process ON reservations (process);

-- Rows are locked in one order everywhere: reservations by id, then budgets by key. No two transactions can wait for each other.

-- Sets an amount aside in every shared cap or in none. `full_cap` is the first cap without room, from 1; `waiting_helps`
-- whether it would have room without reservations.
CREATE FUNCTION reserve(
    cap_keys text[], cap_money numeric[], cap_tokens numeric[], cap_shared boolean[],
    ask_money numeric, ask_tokens numeric, by_process bigint, by_owner text, by_instance text, by_id bigint,
    OUT full_cap bigint, OUT waiting_helps boolean
) LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT numeric := 18446744073709551615;
    shared text[] := ARRAY(SELECT k FROM unnest(cap_keys, cap_shared) AS c(k, s) WHERE s);
BEGIN
    INSERT INTO budgets (key) SELECT DISTINCT k FROM unnest(shared) AS c(k)
        WHERE NOT EXISTS (SELECT FROM budgets WHERE key = k) ORDER BY k ON CONFLICT DO NOTHING;
    PERFORM FROM budgets WHERE key = ANY (shared) ORDER BY key FOR UPDATE;
    SELECT at,
           least(coalesce(b.money, 0) + ask_money, most) <= coalesce(c.money, most)
           AND least(coalesce(b.tokens, 0) + ask_tokens, most) <= coalesce(c.tokens, most) AND s
        INTO full_cap, waiting_helps
        FROM unnest(cap_keys, cap_money, cap_tokens, cap_shared) WITH ORDINALITY AS c(k, money, tokens, s, at)
        LEFT JOIN budgets b ON s AND b.key = k
        WHERE least(coalesce(b.money + b.reserved_money, 0) + ask_money, most) > c.money
           OR least(coalesce(b.tokens + b.reserved_tokens, 0) + ask_tokens, most) > c.tokens
        ORDER BY at LIMIT 1;
    IF full_cap IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE budgets SET reserved_money = reserved_money + ask_money * times, reserved_tokens = reserved_tokens + ask_tokens * times
        FROM (SELECT k, count(*) AS times FROM unnest(shared) AS c(k) GROUP BY k) AS part WHERE key = k;
    INSERT INTO reservations (id, process, money, tokens, owner, instance, keys)
        VALUES (by_id, by_process, ask_money, ask_tokens, by_owner, by_instance, shared);
END $$;

-- Ends reservations: each takes what it set aside out of the sums and books its charge, or all of it where there is none.
-- One that is gone was ended before. Returns how many ended.
CREATE FUNCTION end_reservations(ids bigint[], charge_money numeric[], charge_tokens numeric[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    ended bigint;
BEGIN
    PERFORM FROM reservations WHERE id = ANY (ids) ORDER BY id FOR UPDATE;
    PERFORM FROM budgets WHERE key IN (SELECT unnest(keys) FROM reservations WHERE id = ANY (ids)) ORDER BY key FOR UPDATE;
    UPDATE budgets SET
        money = budgets.money + sum.money, tokens = budgets.tokens + sum.tokens,
        reserved_money = reserved_money - sum.freed_money, reserved_tokens = reserved_tokens - sum.freed_tokens
    FROM (
        SELECT k, sum(coalesce(c.money, r.money)) AS money, sum(coalesce(c.tokens, r.tokens)) AS tokens,
            sum(CASE WHEN counted THEN r.money ELSE 0 END) AS freed_money,
            sum(CASE WHEN counted THEN r.tokens ELSE 0 END) AS freed_tokens
        FROM (SELECT DISTINCT ON (u.id) * FROM unnest(ids, charge_money, charge_tokens) WITH ORDINALITY AS u(id, money, tokens, at)
              ORDER BY u.id, at) AS c
        JOIN reservations r USING (id) CROSS JOIN unnest(keys) AS k GROUP BY k
    ) AS sum WHERE key = sum.k;
    DELETE FROM reservations WHERE id = ANY (ids);
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END $$;

-- Takes reservations out of the sums, or puts them in again.
CREATE FUNCTION count_reservations(ids bigint[], count boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    sign CONSTANT numeric := CASE WHEN count THEN 1 ELSE -1 END;
BEGIN
    PERFORM FROM budgets WHERE key IN (SELECT unnest(keys) FROM reservations WHERE id = ANY (ids)) ORDER BY key FOR UPDATE;
    UPDATE budgets SET reserved_money = reserved_money + sign * sum.money, reserved_tokens = reserved_tokens + sign * sum.tokens
        FROM (SELECT k, sum(r.money) AS money, sum(r.tokens) AS tokens
              FROM reservations r CROSS JOIN unnest(keys) AS k WHERE id = ANY (ids) GROUP BY k) AS sum
        WHERE key = sum.k;
    UPDATE reservations SET counted = count WHERE id = ANY (ids);
END $$;

-- Keeps a process alive, and makes it one where it is new. What it had set aside before it was presumed dead counts again.
CREATE FUNCTION beat(process bigint, ttl interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    -- One that was silent so long that its row is gone gets it again under its number.
    INSERT INTO processes AS p VALUES (coalesce(process, nextval('process_numbers')), clock_timestamp() + ttl)
        ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at RETURNING p.id INTO process;
    ids := ARRAY(SELECT r.id FROM reservations r WHERE r.process = beat.process AND NOT counted ORDER BY r.id FOR UPDATE);
    IF cardinality(ids) > 0 THEN
        PERFORM count_reservations(ids, true);
    END IF;
    RETURN process;
END $$;

-- Takes what dead processes had set aside out of the sums; returns how many reservations.
CREATE FUNCTION sweep() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    ids := ARRAY(
        SELECT r.id FROM reservations r LEFT JOIN processes p ON p.id = r.process
        WHERE counted AND coalesce(p.expires_at <= clock_timestamp(), true) ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
    );
    IF cardinality(ids) > 0 THEN
        PERFORM count_reservations(ids, false);
    END IF;
    RETURN cardinality(ids);
END $$;

-- Forgets processes that died a day ago, with their reservations: until then a call that was only slow is still booked. Apart from
-- `sweep`, which holds rows of budgets, behind which no reservation may be locked.
CREATE FUNCTION forget() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM reservations WHERE id IN (
        SELECT r.id FROM reservations r JOIN processes p ON p.id = r.process
        WHERE NOT counted AND p.expires_at < clock_timestamp() - interval '1 day' ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
    );
    DELETE FROM processes WHERE id IN (
        SELECT id FROM processes p WHERE expires_at < clock_timestamp() - interval '1 day'
            AND NOT EXISTS (SELECT FROM reservations WHERE process = p.id) FOR UPDATE SKIP LOCKED
    );
END $$;

-- One row per attempt of a call, whole in `record`; the other columns are what is asked for. A record that comes twice meets
-- itself at the key. Names are ordered by their bytes, as they are everywhere else.
CREATE TABLE attempts (
    call_id uuid NOT NULL,
    attempt bigint NOT NULL, -- from 1
    started_at bigint NOT NULL, -- milliseconds since 1970
    provider text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL, -- served, else asked
    role text COLLATE "C" NOT NULL,
    status smallint NOT NULL, -- 0 success, 1 failure, 2 retry, 3 cancelled, 4 killed
    error text COLLATE "C",
    session text,
    tags jsonb NOT NULL,
    record text NOT NULL, -- JSON
    latency bigint NOT NULL, -- microseconds
    first_token bigint,
    unknown_tokens boolean NOT NULL,
    input bigint,
    cache_read bigint,
    cache_write_5m bigint,
    cache_write_1h bigint,
    other_input bigint,
    output bigint,
    reasoning bigint,
    cost bigint, -- nano-dollars
    ends boolean NOT NULL DEFAULT true, -- the call ended with this attempt
    fallback boolean NOT NULL DEFAULT false, -- the call was answered here, and began at another provider
    PRIMARY KEY (call_id, attempt)
);

CREATE INDEX attempts_time ON attempts (started_at, call_id, attempt);
CREATE INDEX attempts_session ON attempts (session) WHERE session IS NOT NULL;

-- Keys of a server's clients. A revoked one stays, so that nobody gets its name and inherits what it spent.
CREATE TABLE client_keys (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order in which they were made
    id text NOT NULL UNIQUE,
    name text NOT NULL UNIQUE,
    team text, -- a name of `teams`, unless the key was revoked before the team was deleted
    is_revoked boolean NOT NULL,
    key text NOT NULL -- JSON, whole
);

CREATE TABLE teams (name text COLLATE "C" PRIMARY KEY, team text NOT NULL); -- JSON, whole

-- What was done to keys, teams and leases. It only grows; each hash is over the one before and its own row.
CREATE TABLE audit (
    number bigint PRIMARY KEY, -- from 1, without gaps
    at bigint NOT NULL,
    by text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL, -- a JSON object
    hash text NOT NULL
);

-- One row, which whoever changes keys, secrets or the log locks first: they take turns.
CREATE TABLE access (version bigint NOT NULL, seal bytea, seal_before bytea);
INSERT INTO access (version) VALUES (0);

-- Versions of prompts, each with what it takes to render it again.
CREATE TABLE prompt_versions (
    name text COLLATE "C" NOT NULL,
    number bigint NOT NULL, -- from 1 for each name, without gaps
    hash text NOT NULL,
    file text NOT NULL, -- its ending says how the text is read
    text text NOT NULL,
    parts text NOT NULL, -- a JSON object: the texts of what it includes, by file
    first_used bigint NOT NULL,
    PRIMARY KEY (name, number),
    UNIQUE (name, hash)
);

-- How labels were moved. It only grows; the last row of a label says where it points.
CREATE TABLE prompt_labels (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    label text NOT NULL,
    version bigint NOT NULL, -- a number of `prompt_versions`
    before bigint, -- the place of the row to which the label goes back
    at bigint NOT NULL,
    by text NOT NULL
);

CREATE INDEX prompt_labels_by_label ON prompt_labels (name, label, place);

-- Responses that servers keep for their clients.
CREATE TABLE responses (
    owner text NOT NULL, -- the id of a key; empty where there are none
    id text NOT NULL,
    previous text, -- the response that it goes on from
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    under_way_until bigint, -- NULL once its call has ended
    input text NOT NULL, -- a JSON array
    response text NOT NULL, -- a JSON object
    PRIMARY KEY (owner, id)
);

CREATE INDEX responses_expire ON responses (expires_at);
CREATE INDEX responses_under_way ON responses (id) WHERE under_way_until IS NOT NULL;

-- Tasks of queues: their lines, where those stand here, kept byte for byte.
CREATE TABLE queue_lines (
    queue text NOT NULL,
    task text COLLATE "C" NOT NULL,
    line text NOT NULL, -- a JSON object
    PRIMARY KEY (queue, task)
);

-- Who had a task, and until when: one row for each generation, so that no generation has two owners. Rows stay, and a task
-- may have some although its line stands elsewhere.
CREATE TABLE queue_leases (
    queue text NOT NULL,
    task text COLLATE "C" NOT NULL,
    generation bigint NOT NULL, -- from 1 for each task, without gaps
    owner text NOT NULL,
    began_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint, -- NULL while nobody has ended it
    ending text, -- released, forced, closed or expired
    ended_by text, -- who forced it
    detail text, -- the reason, or what shows that the task is done
    PRIMARY KEY (queue, task, generation)
);

-- Why tasks went where they went.
CREATE TABLE queue_decisions (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    task text NOT NULL,
    at bigint NOT NULL,
    decision text NOT NULL -- a JSON object
);

CREATE INDEX queue_decisions_by_task ON queue_decisions (queue, task);

-- Until when vendors want no calls, so that the next process does not ask.
CREATE TABLE cooldowns (route text PRIMARY KEY, cause text NOT NULL, until bigint NOT NULL);
