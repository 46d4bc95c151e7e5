//! An arm, made ready.

use crate::algorithm::Settings;
use crate::reward::Program;

/// One arm, ready.
#[derive(Clone)]
pub struct PlannedArm {
    pub name: String,
    pub settings: Settings,
    pub program: Program,
}

impl PlannedArm {
    /// Names of its components, in the order of the metric row's slots.
    pub fn components(&self) -> Vec<String> {
        self.program.components.iter().map(|c| c.name.clone()).collect()
    }
}
