//! Where the draft comes from: others' work, or the person's own.

use crate::state::library::gallery::is_shipped;
use crate::storage::drafts;
use goodhart_core::experiment::Experiment;

/// Where the draft comes from. What others made is no draft of the person before the first change.
#[derive(Clone, Default)]
pub struct Origin {
    /// The name of the draft in storage.
    pub id: String,
    /// The experiment as it was opened; None for a draft of the person.
    pub others: Option<Experiment>,
    /// It has been kept since.
    pub kept: bool,
}

impl Origin {
    pub fn others(experiment: &Experiment) -> Self {
        Self { id: drafts::new_id(), others: Some(experiment.clone()), kept: false }
    }

    pub fn own(id: &str) -> Self {
        Self { id: id.into(), others: None, kept: true }
    }

    /// An experiment that an address leads to, with where it comes from: the address of a draft of one's own leads back to
    /// the draft.
    pub(in crate::state) fn of(experiment: Experiment) -> (Experiment, Self) {
        let shared = experiment.to_share();
        match drafts::drafts().into_iter().find(|draft| draft.experiment.to_share().visible() == shared) {
            Some(draft) if !is_shipped(&experiment) => {
                let origin = Self::own(&draft.id);
                (draft.experiment, origin)
            }
            _ => {
                let origin = Self::others(&experiment);
                (experiment, origin)
            }
        }
    }

    /// Whether an experiment is the person's own work.
    pub fn is_own(&self, draft: &Experiment) -> bool {
        self.others.as_ref().is_none_or(|others| others != draft)
    }
}
