//! What is asked for: the plan document, its model, checks, expressions, hash, graph and diff.
