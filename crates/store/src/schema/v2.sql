-- Schema version 2: executions that run as a step of another one.

ALTER TABLE executions ADD COLUMN parent TEXT;
