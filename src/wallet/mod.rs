//! Keys and what people do with them.
//!
//! [`keystore`] keeps mnemonics in files under passwords and hands out the keys of their accounts; [`password`] brings
//! passwords from people to it. Keys never enter a node: whatever is sent there was signed here.

pub mod keystore;
pub mod password;
