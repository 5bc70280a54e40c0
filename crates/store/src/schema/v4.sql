-- Schema version 4: lists and growth. Indices that nothing reads are gone, above all the one that every step touched; those
-- that only some rows need hold only them.

DROP INDEX executions_by_updated;
DROP INDEX executions_by_plan;
DROP INDEX executions_by_status;
CREATE INDEX executions_by_status ON executions (status, created_at_ms) WHERE status IS NOT NULL;
-- Executions have few different sets of tools: a tool's are found by the sets that it is in.
CREATE INDEX executions_by_tools ON executions (tools, created_at_ms);
CREATE INDEX executions_by_parent ON executions (parent) WHERE parent IS NOT NULL;

DROP INDEX requests_by_state;
DROP INDEX requests_expiring;
CREATE INDEX requests_open ON requests (kind, opened_at_ms) WHERE state = 'open';

-- Which streams stand on a plan or a large value, so that it is known when none does any more.
CREATE TABLE content_uses (
    hash BLOB NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (hash, stream)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO content_uses (hash, stream) SELECT plan_hash, execution_id FROM executions;
INSERT OR IGNORE INTO content_uses (hash, stream)
SELECT unhex(json_extract(payload, '$.plan_hash')), stream FROM events
WHERE kind IN ('execution_created', 'revision_proposed', 'admission_refused')
  AND json_extract(payload, '$.plan_hash') IS NOT NULL;
INSERT OR IGNORE INTO content_uses (hash, stream)
SELECT unhex(json_extract(field.value, '$.sha256')), stream FROM events, json_each(events.payload) AS field
WHERE instr(events.payload, '$blob"') > 0 AND substr(field.key, -5) = '$blob';

-- What was archived and removed: of each row, plan and large value what its commit binds, and the seq of the tombstone in
-- the stream `system` that says so.
CREATE TABLE archived (
    execution_id TEXT PRIMARY KEY,
    tombstone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE removed_rows (
    gseq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL
) STRICT;
CREATE TABLE removed_contents (
    commit_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    row_hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL,
    PRIMARY KEY (commit_number, kind, hash)
) STRICT, WITHOUT ROWID;
