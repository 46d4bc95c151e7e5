//! The experiment on screen: its settings, its strategies, and what the reward compiler says of it.

pub mod arm_ids;
mod arms;
pub mod checks;
mod compiler;
mod edit;
mod last_compiled;
pub mod sections;
pub mod settings;
pub mod tables;
mod task_code;
