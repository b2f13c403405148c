//! The hybrid.
