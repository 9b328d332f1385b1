-- The nodes that share this journal, as they make themselves known to each other. Few rows, updated in place about once a
-- second each, hence the room on the page.
CREATE TABLE nodes (
    node uuid PRIMARY KEY,
    standing smallint NOT NULL,  -- 0 starting, 1 serving, 2 leaving
    started_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    address text COLLATE "C" NOT NULL,
    release text COLLATE "C" NOT NULL
) WITH (fillfactor = 20);

-- What the nodes prove to each other that they belong together with: whoever can read it can write the journal anyway.
-- Two random UUIDs have 244 random bits.
ALTER TABLE meta ADD COLUMN secret bytea NOT NULL
    DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
