-- Schema version 1. `docs/journal-format.md` says what each column means.

CREATE TABLE events (
    gseq INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
) STRICT;

CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;

CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
CREATE INDEX plans_by_commit ON plans (commit_number, hash);

CREATE TABLE blobs (
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);

CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;

CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    plan_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT,
    error_code TEXT,
    waiting_for TEXT,
    priority INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    last_seq INTEGER NOT NULL,
    steps_total INTEGER NOT NULL,
    steps_settled INTEGER NOT NULL,
    tools TEXT NOT NULL,
    waiting_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN json_valid(waiting_for) THEN json_extract(waiting_for, '$.kind') END
    ) VIRTUAL
) STRICT, WITHOUT ROWID;
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_updated ON executions (updated_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_by_plan ON executions (plan_hash, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    state TEXT NOT NULL,
    subject BLOB NOT NULL,
    detail TEXT NOT NULL,
    answer TEXT,
    opened_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    closed_at_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_state ON requests (state, opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX requests_expiring ON requests (expires_at_ms) WHERE state = 'open';
