//! The WGSL twin of a task program.

use super::TaskProgram;

impl TaskProgram {
    /// The functions that `shaders/tasks/README.md` names.
    pub fn wgsl(&self) -> String {
        String::new()
    }
}
