-- Schema version 3: the system stream by kind, so that the standing of a switch is found without reading everything.

CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';

-- Every permitted call, by the session that it counts for.
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_session ON calls (session, at_ms);
-- What was called before; what kind of action it was is not known any more.
INSERT INTO calls (execution_id, seq, session, at_ms, category)
SELECT events.stream, events.seq, executions.session, events.at_ms, 'unknown'
FROM events JOIN executions ON executions.execution_id = events.stream
WHERE events.kind IN ('step_started', 'compensation_started')
  AND json_extract(events.payload, '$.tool') NOT IN ('human.ask', 'plan.run')
  AND json_extract(events.payload, '$.tool') NOT LIKE 'time.%'
  AND json_extract(events.payload, '$.tool') NOT LIKE 'data.%';
