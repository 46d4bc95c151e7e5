//! The page's state: signals that views read, and the methods that change them. Views never talk to the engine.
//!
//! - `app.rs`: all signals; `start.rs`: their values when the page opens; `internal.rs`: what no view reads
//! - `draft/`: the experiment on screen, its settings, its strategies, and the reward compiler
//! - `run/`: what the engine trains: its phases, its curves, edits under way, saving it for the next visit
//! - `oracle/`: exact answers about the rewards
//! - `library/`: opening and keeping experiments, the gallery, files, the browser's history
//! - `notices.rs`, `overlay.rs`, `listeners.rs`: what is told to people and scripts

mod app;
mod draft;
mod internal;
mod library;
mod listeners;
mod notices;
mod notify;
mod oracle;
mod overlay;
mod run;
mod start;

pub use crate::model::ArmId;
pub use app::App;
pub use draft::checks::Language;
pub use draft::sections::{SECTIONS, Section};
pub use draft::settings::Found;
pub use draft::tables::{Catalog, Kind, KindOf, Spec, Table, effective};
pub use goodhart_core::oracle::report::{Distances, Episode};
pub use goodhart_core::tasks::TaskView;
pub use library::open::{Opened, blank};
pub use library::{failing_rewards, file, gallery};
pub use listeners::EVENTS;
pub use notices::{Action, Level};
pub use oracle::known::KnownReport;
pub use overlay::{Discard, Overlay};
pub use run::curves::RunData;
pub use run::phase::{EditState, Joining, Judged, Phase, Speed};
