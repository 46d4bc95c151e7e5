//! What the exact oracle says of the edited rewards: asked a moment after the last change, in a worker of its own.

use super::App;
use super::language::diagnostic;
use crate::plain::{Plain, write};
use crate::{parts, time};
use goodhart_core::reward::Diagnostic;
use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// From the last change to the question.
const ASK_MS: u64 = 60;

/// The best policy for an objective (see `oracle::report::Optimum` of core).
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// [states][actions], as the anatomy's.
    pub policy: Vec<f32>,
    pub true_score: f32,
    pub true_low: f32,
    pub true_high: f32,
    pub length: f32,
}

/// A completion that a reward makes best (see `oracle::report::Episode` of core).
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    pub prompt: Vec<u32>,
    pub tokens: Vec<u32>,
    pub truncated: bool,
    pub reward: f32,
    pub true_score: f32,
}

/// A diagnostic of meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub diagnostic: Diagnostic,
    /// A loop's cells in the order of walking.
    pub cells: Vec<u32>,
}

/// What is known of one arm's reward (see `oracle::report::Report` of core).
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub arm: usize,
    /// The code that this is about.
    pub code: String,
    pub solved: bool,
    pub says: String,
    pub notes: Vec<String>,
    pub optimum: Option<Optimum>,
    pub best: Option<Optimum>,
    pub starc: Option<f32>,
    /// The best completions of every kind of prompt; empty for steps.
    pub episodes: Vec<Episode>,
    pub findings: Vec<Finding>,
}

/// STARC distances, [names][names] flat.
#[derive(Clone, Debug, PartialEq)]
pub struct Distances {
    pub names: Vec<String>,
    pub starc: Vec<Option<f32>>,
    /// Why distances are missing, in sentences.
    pub reasons: Vec<String>,
}

impl Optimum {
    fn read(told: &Plain) -> Option<Self> {
        Some(Self {
            policy: told.floats("policy"),
            true_score: told.float("true_score")?,
            true_low: told.float("true_low")?,
            true_high: told.float("true_high")?,
            length: told.float("length")?,
        })
    }
}

impl Episode {
    fn read(told: &Plain) -> Option<Self> {
        let ids = |key: &str| told.floats(key).into_iter().map(|x| x as u32).collect();
        Some(Self {
            prompt: ids("prompt"),
            tokens: ids("tokens"),
            truncated: told.flag("truncated"),
            reward: told.float("reward")?,
            true_score: told.float("true_score")?,
        })
    }
}

impl Report {
    fn read(told: &Plain, arm: usize, code: String) -> Self {
        let finding = |f: &Plain| Finding {
            diagnostic: diagnostic(&f.get("diagnostic")),
            cells: f.floats("cells").into_iter().map(|x| x as u32).collect(),
        };
        let optimum = |key: &str| told.some(key).and_then(|o| Optimum::read(&o));
        Self {
            arm,
            code,
            solved: told.text("solved") != "not",
            says: told.text("says"),
            notes: told.texts("notes"),
            optimum: optimum("optimum"),
            best: optimum("best"),
            starc: told.float("starc"),
            episodes: told.list("episodes").iter().filter_map(Episode::read).collect(),
            findings: told.list("findings").iter().map(finding).collect(),
        }
    }
}

impl App {
    /// Asks about the chosen arm, and about the distances between all, whenever what they depend on has changed.
    pub fn consult(self) {
        let asked = Memo::new(move |_| {
            let arm = self.arm.get();
            // Without the compiler there is no oracle either.
            self.catalog.track();
            let key = |e: &goodhart_core::experiment::Experiment| {
                let arms =
                    e.arms.iter().map(|a| (a.name.clone(), a.code.clone(), a.algorithm.clone())).collect::<Vec<_>>();
                (e.task.clone(), e.policy.clone(), e.run.clone(), e.algorithm.clone(), arms)
            };
            (arm, self.draft.with(key))
        });
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody has read has no sources yet.
            asked.with(|_| ());
            let Some(ticket) = self.internal.try_update_value(|i| {
                i.consult += 1;
                i.consult
            }) else {
                return;
            };
            time::after(ASK_MS, move || {
                if self.internal.with_value(|i| i.consult) == ticket {
                    wasm_bindgen_futures::spawn_local(async move { self.ask_oracle(ticket).await });
                }
            });
        });
    }

    async fn ask_oracle(self, ticket: u32) {
        let arm = self.arm.get_untracked();
        // What does not compile has no optimum; the last answer stays beside the compiler's words.
        if self.checks.with_untracked(|c| c.get(arm).is_none_or(|c| c.is_error())) {
            return;
        }
        let (text, code) = self.draft.with_untracked(|e| (write(e), e.arms.get(arm).map(|a| a.code.clone())));
        let Ok(module) = parts::oracle().await else { return };
        let current = || self.internal.with_value(|i| i.consult) == ticket;
        if let Some(told) = answer(&module, "oracle", &text, arm).await
            && current()
        {
            self.oracle.set(Some(Report::read(&told, arm, code.unwrap_or_default())));
        }
        if !current() {
            return;
        }
        if let Some(told) = answer(&module, "distances", &text, arm).await
            && current()
        {
            let starc = told.list("starc").iter().map(|x| x.as_number().map(|x| x as f32)).collect();
            let (names, reasons) = (told.texts("names"), told.texts("reasons"));
            self.distances.set(Some(Distances { names, starc, reasons }));
        }
    }

    /// What the oracle says of an arm, if its last answer is about that arm.
    pub fn report(self, arm: usize) -> Option<Report> {
        self.oracle.with(|r| r.clone().filter(|r| r.arm == arm))
    }
}

async fn answer(module: &parts::OracleModule, what: &str, experiment: &str, arm: usize) -> Option<Plain> {
    let promise = module.ask(what, experiment, arm as u32).ok()?;
    Plain::parse(&JsFuture::from(promise).await.ok()?.as_string()?)
}
