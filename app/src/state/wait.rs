//! Promises of the automation interface: for when the engine is ready, and for when the run rests.

use super::App;
use super::run::{Phase, Until, Waiter};
use leptos::prelude::*;

impl App {
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

    pub(super) fn wake(self, until: Until, result: &Result<u32, String>) {
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
