//! What the exact oracle says of the edited rewards: asked a moment after the last change, in a worker of its own.

use crate::browser::modules;
use crate::browser::plain::{from_js, to_js};
use crate::model::ArmId;
use crate::state::app::App;
use crate::state::oracle::known::KnownReport;
use goodhart_core::experiment::Experiment;
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;

/// From the last change to the question.
const ASK_MS: u64 = 60;

/// What the oracle's answers about an experiment depend on.
pub(in crate::state) fn basis(e: &Experiment) -> impl PartialEq + Send + Sync + use<> {
    let arms: Vec<_> = e.arms.iter().map(|a| (a.name.clone(), a.code.clone(), a.algorithm.clone())).collect();
    (e.task.clone(), e.policy.clone(), e.run.clone(), e.algorithm.clone(), arms)
}

impl App {
    /// Asks about the chosen arm, and about the distances between all, whenever what they depend on has changed.
    pub fn start_oracle(self) {
        let asked = Memo::new(move |_| {
            let arm = self.arm.get();
            // Without the compiler there is no oracle either.
            self.catalog.track();
            (arm, self.seed.get(), self.draft.with(basis))
        });
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody has read has no sources yet.
            asked.with(|_| ());
            self.debounce(
                ASK_MS,
                |i| &mut i.oracle_questions,
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
        let Ok(module) = modules::oracle().await else { return };
        let current = || self.internal.with_value(|i| i.oracle_questions) == ticket;
        if let Some(told) = answer(&module, "oracle", &experiment, place).await
            && current()
        {
            self.oracle.set(Some(KnownReport { arm, seed, code: code.unwrap_or_default(), told }));
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
    pub fn report(self, arm: ArmId) -> Option<KnownReport> {
        let seed = self.seed.get();
        self.oracle.with(|r| r.clone().filter(|r| (r.arm, r.seed) == (arm, seed)))
    }
}

pub(in crate::state) async fn answer<T: DeserializeOwned>(
    module: &modules::OracleModule,
    what: &str,
    experiment: &JsValue,
    arm: usize,
) -> Option<T> {
    let promise = module.ask(what, experiment, arm as u32).ok()?;
    from_js(JsFuture::from(promise).await.ok()?)
}
