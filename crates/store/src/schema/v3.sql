-- Schema version 3: the system stream by kind, so that the standing of a switch is found without reading everything.

CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
