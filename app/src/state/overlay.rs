//! What lies over the page.

use crate::engine_client::Choice;

/// How a run is discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// Back to update 0, at rest.
    Reset,
    /// Trained anew from update 0.
    Again,
    /// Trained anew on another engine.
    Engine(Choice),
    /// Trained anew with so many seeds.
    Seeds(u32),
}

/// What lies over the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    #[default]
    None,
    /// The list of experiments; with what is wrong with a link, if that is why it is shown.
    Gallery(Option<String>),
    Share,
    Help,
    /// A sample of the anatomy: group and sample.
    Sample(usize, usize),
    /// Whether the run may be discarded.
    Discard(Discard),
}
