//! Doing it: the tool registry, the one tool runner, the built-in tools.
