//! What happens next: the pure state machine, events in, commands out.
