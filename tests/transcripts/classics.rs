//! The classics on the stage. Their lines are in the documentation of `assay::sim::classics` and its modules.

use assay::sim::classics;

use super::runner;

/// One story of one of them.
pub(crate) struct Stage(classics::Stage);

impl runner::Stage for Stage {
    fn new() -> Self {
        Self(classics::Stage::default())
    }

    fn command(&mut self, line: &str) -> Result<Vec<String>, String> {
        self.0.act(line)
    }
}
