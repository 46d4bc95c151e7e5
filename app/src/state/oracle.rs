//! What the exact oracle says of the edited rewards: asked a moment after the last change, in a worker of its own.

use super::{App, ArmId};
use crate::parts;
use crate::plain::{from_js, to_js};
use goodhart_core::experiment::Experiment;
use goodhart_core::oracle::report as oracle;
pub use goodhart_core::oracle::report::{Distances, Episode};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use std::ops::Deref;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;

/// From the last change to the question.
const ASK_MS: u64 = 60;

/// What is known of one arm's reward.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub arm: ArmId,
    /// The seed whose instance of the task was solved.
    seed: u32,
    /// The code that this is about.
    pub code: String,
    told: oracle::Report,
}

impl Deref for Report {
    type Target = oracle::Report;

    fn deref(&self) -> &oracle::Report {
        &self.told
    }
}

/// What the oracle's answers about an experiment depend on.
pub(super) fn basis(e: &Experiment) -> impl PartialEq + Send + Sync + use<> {
    let arms: Vec<_> = e.arms.iter().map(|a| (a.name.clone(), a.code.clone(), a.algorithm.clone())).collect();
    (e.task.clone(), e.policy.clone(), e.run.clone(), e.algorithm.clone(), arms)
}

impl App {
    /// Asks about the chosen arm, and about the distances between all, whenever what they depend on has changed.
    pub fn consult(self) {
        let asked = Memo::new(move |_| {
            let arm = self.arm.get();
            // Without the compiler there is no oracle either.
            self.catalog.track();
            (arm, self.seed.get(), self.draft.with(basis))
        });
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody has read has no sources yet.
            asked.with(|_| ());
            self.after_last(
                ASK_MS,
                |i| &mut i.consult,
                move |ticket| wasm_bindgen_futures::spawn_local(async move { self.ask_oracle(ticket).await }),
            );
        });
    }

    async fn ask_oracle(self, ticket: u32) {
        let arm = self.arm.get_untracked();
        // What does not compile has no optimum; the last answer stays beside the compiler's words.
        if untrack(|| self.check_of(arm)).is_error() {
            return;
        }
        let (Some(place), code) = untrack(|| (self.place(arm), self.with_arm(arm, |a| a.code.clone()))) else { return };
        let seed = self.seed.get_untracked();
        let experiment = self.draft.with_untracked(|e| to_js(&e.of_seed(seed)));
        let Ok(module) = parts::oracle().await else { return };
        let current = || self.internal.with_value(|i| i.consult) == ticket;
        if let Some(told) = answer(&module, "oracle", &experiment, place).await
            && current()
        {
            self.oracle.set(Some(Report { arm, seed, code: code.unwrap_or_default(), told }));
        }
        if !current() {
            return;
        }
        if let Some(distances) = answer(&module, "distances", &experiment, place).await
            && current()
        {
            self.distances.set(Some(distances));
        }
    }

    /// What the oracle says of an arm, if its last answer is about that arm on the watched seed's task.
    pub fn report(self, arm: ArmId) -> Option<Report> {
        let seed = self.seed.get();
        self.oracle.with(|r| r.clone().filter(|r| (r.arm, r.seed) == (arm, seed)))
    }
}

pub(super) async fn answer<T: DeserializeOwned>(
    module: &parts::OracleModule,
    what: &str,
    experiment: &JsValue,
    arm: usize,
) -> Option<T> {
    let promise = module.ask(what, experiment, arm as u32).ok()?;
    from_js(JsFuture::from(promise).await.ok()?)
}
