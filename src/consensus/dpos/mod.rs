//! Delegated proof of stake: delegates whom stake has elected take turns in slots. So far, the order of their turns.

pub mod shuffle;
