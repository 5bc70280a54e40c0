//! Driving it: the owner process that carries out what the engine asks.
