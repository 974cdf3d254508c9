-- The ledger: what neonsync remembers in the branch itself, so that state and rows commit together.
CREATE SCHEMA IF NOT EXISTS neonsync;

-- One row a run. While "status" is running the row is also the lease of the branch: whoever
-- writes reads it FOR KEY SHARE with its epoch, and a takeover raises the epoch. The epoch is in
-- a unique index, so raising it waits for those readers, while heartbeats, which change no key
-- column, pass them by.
CREATE TABLE IF NOT EXISTS neonsync.runs (
    run_id       text PRIMARY KEY,
    branch_id    text NOT NULL,
    branch_name  text NOT NULL,
    fingerprint  text NOT NULL,
    status       text NOT NULL CHECK (status IN
                 ('running', 'published', 'succeeded', 'invalid', 'failed', 'cancelled', 'abandoned')),
    epoch        bigint NOT NULL DEFAULT 1,
    holder       text NOT NULL,
    holder_key   text NOT NULL,
    resumable    boolean NOT NULL DEFAULT true,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    finished_at  timestamptz,
    error        text,
    outcome      jsonb,
    UNIQUE (run_id, epoch)
);
CREATE UNIQUE INDEX IF NOT EXISTS runs_one_at_a_time ON neonsync.runs (branch_id)
    WHERE status = 'running';

-- One row a table of a run: its UNLOAD, stored before it is started, and its staging table.
CREATE TABLE IF NOT EXISTS neonsync.exports (
    run_id         text NOT NULL REFERENCES neonsync.runs ON DELETE CASCADE,
    target         text NOT NULL,
    attempt        int NOT NULL,
    prefix         text NOT NULL,
    token          text NOT NULL,
    query_id       text,
    results        text[] NOT NULL DEFAULT '{}',
    staging        text NOT NULL,
    method         text NOT NULL CHECK (method IN ('swap', 'merge')),
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, target)
);

-- One row a chunk, written in the chunk's own transaction. The key names the first piece, so
-- that a chunk whose COMMIT was lost on the way cannot be loaded twice.
CREATE TABLE IF NOT EXISTS neonsync.chunks (
    run_id    text NOT NULL,
    target    text NOT NULL,
    chunk     text NOT NULL,
    pieces    text[] NOT NULL,
    rows      bigint NOT NULL,
    bytes     bigint NOT NULL,
    dates     jsonb NOT NULL,
    digests   jsonb NOT NULL DEFAULT '[]',
    changes   jsonb NOT NULL DEFAULT '[]',
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, target, chunk),
    FOREIGN KEY (run_id, target) REFERENCES neonsync.exports ON DELETE CASCADE
);

-- A ledger of an earlier version. Looked at first: ADD COLUMN IF NOT EXISTS would lock out a run.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'neonsync.chunks'::regclass
                   AND attname = 'changes' AND NOT attisdropped) THEN
        ALTER TABLE neonsync.chunks ADD COLUMN changes jsonb NOT NULL DEFAULT '[]';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'neonsync.chunks'::regclass
                   AND attname = 'digests' AND NOT attisdropped) THEN
        ALTER TABLE neonsync.chunks ADD COLUMN digests jsonb NOT NULL DEFAULT '[]';
    END IF;
END $$;

COMMENT ON SCHEMA neonsync IS 'neonsync''s ledger: which runs have written to this branch, and what they left';
COMMENT ON TABLE neonsync.runs IS 'one row a run; the row of a run at work is the lease of the branch';
COMMENT ON TABLE neonsync.exports IS 'exports that are not cleaned up yet; empty between runs';
COMMENT ON TABLE neonsync.chunks IS 'chunks in staging tables; empty between runs';
