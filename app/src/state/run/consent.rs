//! What a person is asked before updates that take long, and what they agreed to.

/// What was allowed and what is under way.
#[derive(Debug, Default)]
pub struct Consent {
    /// Seconds of an update that the person has agreed to.
    pub allowed: f64,
    /// Since when a first update is under way.
    pub first: Option<f64>,
    /// What was to be done once the person agrees: run, or so many updates.
    pub(in crate::state) wanted: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Wanted {
    Run,
    Step(u32),
}
