-- Schema version 6: each call stands once, where its session is counted, and not in a second place by its execution: every
-- step writes one. Verifying and archiving know of each call which session it counts for, and when.

CREATE TABLE calls_once (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (session, at_ms, execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls_once (execution_id, seq, session, at_ms, category)
SELECT execution_id, seq, session, at_ms, category FROM calls ORDER BY session, at_ms, execution_id, seq;
DROP TABLE calls;
ALTER TABLE calls_once RENAME TO calls;
