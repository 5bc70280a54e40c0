//! Whether it may happen, and why: evaluate, admit, enforce.
