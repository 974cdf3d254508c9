-- Quality metrics, one row a run and table: made by the first run that measures, as a ledger of an
-- earlier version does not have it.
CREATE TABLE IF NOT EXISTS neonsync.metrics (
    run_id      text NOT NULL REFERENCES neonsync.runs ON DELETE CASCADE,
    target      text NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    metrics     jsonb NOT NULL,
    PRIMARY KEY (run_id, target)
);
CREATE INDEX IF NOT EXISTS metrics_of_a_table ON neonsync.metrics (target, measured_at);

COMMENT ON TABLE neonsync.metrics IS 'quality metrics of the tables that a run has published; the last hundred of each';
