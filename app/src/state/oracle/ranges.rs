//! What the task and the rewards in use can give, for the verdict: asked of the oracle a while after the run is loaded, or
//! a reward of it becomes another one.

use crate::browser::modules;
use crate::browser::plain::to_js;
use crate::model::ArmId;
use crate::state::app::App;
use crate::state::oracle::known::Known;
use crate::state::oracle::reports::{answer, basis};
use goodhart_core::metrics::statistics::Range;
use goodhart_core::metrics::verdict::Measured;
use leptos::prelude::*;

/// From the last change to the question: what is typed is answered first.
const ASK_MS: u64 = 1000;

impl App {
    /// Asks whenever another reward is in use.
    pub fn start_ranges(self) {
        let asked = Memo::new(move |_| {
            // Without the compiler there is no oracle either.
            self.catalog.track();
            self.loaded.with(|l| l.as_ref().map(|l| basis(&l.experiment)))
        });
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody has read has no sources yet.
            asked.with(|_| ());
            self.debounce(
                ASK_MS,
                |i| &mut i.ranges_questions,
                move |ticket| wasm_bindgen_futures::spawn_local(async move { self.find_ranges(ticket).await }),
            );
        });
    }

    async fn find_ranges(self, ticket: u32) {
        let Some(loaded) = self.loaded.get_untracked().map(|l| l.experiment) else { return };
        let Ok(module) = modules::oracle().await else { return };
        let told = answer(&module, "ranges", &to_js(&loaded), 0).await;
        if self.internal.with_value(|i| i.ranges_questions) == ticket {
            let known = told.map(|told| Known::of(told, &loaded)).unwrap_or_default();
            self.internal.update_value(|i| i.ranges = known);
            self.update_verdict();
        }
    }

    /// What the lines of the verdict are measured by, and what the task can give.
    pub(in crate::state) fn measured(self, runners: &[(ArmId, String)]) -> (Vec<Measured>, Option<Range>) {
        let code = |id: ArmId| self.loaded.with_untracked(|l| l.as_ref().and_then(|l| Some(l.arm(id)?.code.clone())));
        self.internal.with_value(|i| {
            let of = |code: &str| i.ranges.rewards.iter().find(|(own, _)| own == code).map(|(_, range)| *range);
            let line = |(id, name): &(ArmId, String)| {
                let (since, settings) = self.with_data(|d| d.since(*id));
                let since = since as u32;
                Measured { arm: name.clone(), since, settings, range: code(*id).and_then(|code| of(&code)) }
            };
            (runners.iter().map(line).collect(), i.ranges.task)
        })
    }
}
