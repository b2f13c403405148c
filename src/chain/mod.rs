//! The chain: what a rule must answer, the tree of non-final blocks, and the only way in.
//!
//! Only sealed, fully executed blocks enter the [`Tree`]; for agreement rules the tree is a line. The tree's root is
//! the final block, whose state lies in the store; every block above it holds its own state.

mod executions;
mod import;
mod rules;
mod statements;
mod tree;

pub use executions::{EXECUTIONS_MAX, Executions};
pub use import::{HashedBlock, ImportError, Imported, follows, import, import_hashed, import_own};
pub use rules::{BlockRef, Finality, Rank, Rules, Verdict};
pub use statements::{OFFENCES_MAX, STATEMENTS_MAX, Saying};
pub use tree::{
    Finalised, HeadMove, Node, SIDE_BLOCKS_MAX, SIDE_BYTES_MAX, Tree, UNFINAL_BLOCKS_MAX,
    UNFINAL_BYTES_MAX,
};

#[cfg(test)]
mod model_tests;
#[cfg(test)]
pub(crate) mod testkit;
