-- What is set aside stands in the budget's own row, so that a reservation costs the same however many are open.
-- The largest integer means that the sum is to be made anew from the reservations.
ALTER TABLE budgets ADD COLUMN reserved_money INTEGER NOT NULL DEFAULT 0;
ALTER TABLE budgets ADD COLUMN reserved_tokens INTEGER NOT NULL DEFAULT 0;
UPDATE budgets SET reserved_money = 9223372036854775807, reserved_tokens = 9223372036854775807
    WHERE id IN (SELECT budget FROM reserved);

-- A process that did not renew its name in time; its reservations are in no sum.
ALTER TABLE holders ADD COLUMN lapsed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX holders_live ON holders (expires_at) WHERE lapsed = 0;

-- For whom a reservation is held: a piece of work, and which run of it.
ALTER TABLE reservations ADD COLUMN owner TEXT;
ALTER TABLE reservations ADD COLUMN instance TEXT;
CREATE INDEX reservations_owner ON reservations (owner) WHERE owner IS NOT NULL;
CREATE INDEX reservations_holder ON reservations (holder);

ALTER TABLE journal_streams ADD COLUMN summary TEXT; -- JSON

ALTER TABLE attempts ADD COLUMN workflow INTEGER;
ALTER TABLE attempts ADD COLUMN worker INTEGER;
ALTER TABLE attempts ADD COLUMN "key" INTEGER;
ALTER TABLE attempts ADD COLUMN team INTEGER;
ALTER TABLE attempts ADD COLUMN tags TEXT; -- those without a column, as a JSON object
ALTER TABLE attempts ADD COLUMN other_input INTEGER;
ALTER TABLE attempts ADD COLUMN server_tools TEXT; -- uses by tool, as a JSON object
ALTER TABLE attempts ADD COLUMN served_as TEXT; -- tier, region and speed, as a JSON object
CREATE INDEX attempts_workflow ON attempts (workflow) WHERE workflow IS NOT NULL;
CREATE INDEX attempts_key ON attempts ("key") WHERE "key" IS NOT NULL;
CREATE INDEX attempts_team ON attempts (team) WHERE team IS NOT NULL;

ALTER TABLE rollups ADD COLUMN other_input INTEGER NOT NULL DEFAULT 0;
