-- Schema version 5: what was approved last under a plan's name; sessions without counting executions; those of a session
-- that are not over.

-- The name of the plan that the answer approved; none for every other request.
ALTER TABLE requests ADD COLUMN approved TEXT;
UPDATE requests SET approved = json_extract(detail, '$.plan')
WHERE state = 'answered' AND kind IN ('plan', 'revision') AND json_valid(answer) AND json_valid(detail)
    AND json_extract(answer, '$.choice') = 'approve' AND json_type(detail, '$.plan') = 'text';
CREATE INDEX requests_approved ON requests (approved, closed_at_ms) WHERE approved IS NOT NULL;

CREATE TABLE sessions (
    session TEXT NOT NULL,
    principal TEXT NOT NULL,
    executions INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (session, principal)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_last ON sessions (last_ms);
INSERT INTO sessions (session, principal, executions, first_ms, last_ms)
SELECT session, principal, count(*), min(created_at_ms), max(coalesce(finished_at_ms, created_at_ms))
FROM executions GROUP BY session, principal;

CREATE INDEX executions_open ON executions (session, principal) WHERE finished_at_ms IS NULL;
