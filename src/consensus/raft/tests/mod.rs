//! Raft, claim by claim.
