//! An experiment as plain data: what an experiment file, a link and the page's state all hold. Everything that is not
//! written takes its default from the parameter tables.

mod base;
mod claims;
mod data;
mod edits;
pub mod file;
mod instances;
mod moment;
mod outcome;
mod paper;
pub mod record;
mod run;
pub mod sections;
mod short;
mod theme;
mod unknown;
mod visible;

pub use base::Base;
pub use claims::{Claim, Comparison, Measured, Statistic};
pub use data::{Arm, Experiment, MAX_ARMS, Part, VERSION};
pub use moment::{Moment, NowTry, When};
pub use outcome::{Expected, MEANS, Outcome, Reason, Tally};
pub use paper::{Paper, Status};
pub use run::RunParams;
pub use theme::{Difficulty, THEMES};
