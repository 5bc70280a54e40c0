//! Remembering it: the journal with its hash chain, projections, blobs.
