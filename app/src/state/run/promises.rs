//! What is done later: promises of the automation interface, for when the engine is ready and for when the run rests; and
//! what waits until nothing more comes.

use crate::browser::time;
use crate::state::app::App;
use crate::state::internal::Internal;
use crate::state::run::phase::{Phase, Until, Waiter};
use leptos::prelude::*;

impl App {
    /// Does something `ms` milliseconds from now, unless it is asked for again before then. `count` is where the askings
    /// are counted; `then` is given the number of its own.
    pub(in crate::state) fn debounce(
        self,
        ms: u64,
        count: fn(&mut Internal) -> &mut u32,
        then: impl FnOnce(u32) + 'static,
    ) {
        let ticket = self.internal.try_update_value(|i| {
            *count(i) += 1;
            *count(i)
        });
        time::after(ms, move || {
            if let Some(ticket) = ticket.filter(|_| self.internal.try_update_value(|i| *count(i)) == ticket) {
                then(ticket);
            }
        });
    }

    /// Calls `done` when the engine is ready, or rests, or cannot.
    pub(crate) fn when_ready(self, done: impl FnOnce(Result<u32, String>) + 'static) {
        match self.phase.get_untracked() {
            Phase::Starting | Phase::Loading | Phase::Compiling { .. } | Phase::Base { .. } | Phase::Models { .. } => {
                self.wait(Until::Ready, done)
            }
            Phase::Stuck(message) => done(Err(message)),
            _ => done(Ok(self.update.get_untracked())),
        }
    }

    pub(crate) fn when_resting(self, done: impl FnOnce(Result<u32, String>) + 'static) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping => self.wait(Until::Rest, done),
            Phase::Stuck(message) => done(Err(message)),
            _ => done(Ok(self.update.get_untracked())),
        }
    }

    fn wait(self, until: Until, done: impl FnOnce(Result<u32, String>) + 'static) {
        self.internal.update_value(|i| i.waiting.push(Waiter { until, done: Box::new(done) }));
    }

    pub(in crate::state) fn resolve(self, until: Until, result: &Result<u32, String>) {
        let woken = self.internal.try_update_value(|i| {
            let (now, later) = std::mem::take(&mut i.waiting).into_iter().partition(|w| w.until == until);
            i.waiting = later;
            now
        });
        for waiter in woken.unwrap_or_else(Vec::new) {
            (waiter.done)(result.clone());
        }
    }
}
