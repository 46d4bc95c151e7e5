//! What runs while code is half typed: the last program of the strategy that compiled, also of an earlier visit. The others
//! run in any case.

use crate::browser::plain::{parse, write};
use crate::model::{ArmId, Loaded};
use crate::state::app::App;
use crate::storage::drafts;
use leptos::prelude::*;

/// Where storage keeps them: pairs of the code that does not compile and the program that stands in for it.
const SETTING: &str = "stand-ins";
/// Most bytes that are kept.
const MAX_BYTES: usize = 200_000;

impl App {
    /// The draft as it can run: code that does not compile is replaced by the last of its strategy that did; a strategy
    /// without one waits until it compiles.
    pub(in crate::state) fn runnable(self) -> Loaded {
        let mut experiment = self.draft.get_untracked();
        let mut ids = Vec::new();
        let arms = std::mem::take(&mut experiment.arms);
        for (id, mut arm) in self.arms.get_untracked().into_iter().zip(arms) {
            if untrack(|| self.check_of(id)).is_error() {
                let Some(program) = self.last_compiled(id, &arm.code) else { continue };
                arm.code = program;
            }
            experiment.arms.push(arm);
            ids.push(id);
        }
        Loaded { experiment, ids }
    }

    /// The program that stands in for code of a strategy that does not compile. It is remembered: storage has it for the
    /// text that was left there only, and the next keystroke makes another.
    pub(in crate::state) fn last_compiled(self, id: ArmId, code: &str) -> Option<String> {
        let before = self.compiled.with_value(|compiled| compiled.get(&id).cloned());
        let stored = || kept().into_iter().find(|(broken, _)| broken == code).map(|(_, program)| program);
        let in_use = || self.loaded.with_untracked(|l| Some(l.as_ref()?.arm(id)?.code.clone()));
        let program =
            first_that(|program| !self.check_code(program).is_error(), &[&|| before.clone(), &stored, &in_use])?;
        if self.compiler.with_value(Option::is_some) {
            self.compiled.update_value(|compiled| drop(compiled.insert(id, program.clone())));
        }
        Some(program)
    }

    /// Keeps what stands in for the draft's half-typed code for the next visit.
    pub(in crate::state) fn save_last_compiled(self) {
        if self.compiler.with_value(Option::is_none) {
            // Nobody knows yet what compiles.
            return;
        }
        let broken = |id: &ArmId| untrack(|| self.check_of(*id)).is_error();
        let ids: Vec<ArmId> = self.arms.get_untracked().into_iter().filter(broken).collect();
        let pair = |id: &ArmId| {
            let code = self.with_arm_untracked(*id, |arm| arm.code.clone())?;
            let program = self.last_compiled(*id, &code)?;
            Some((code, program))
        };
        let text = write(&ids.iter().filter_map(pair).collect::<Vec<_>>());
        drafts::set_setting(SETTING, (!ids.is_empty() && text.len() <= MAX_BYTES).then_some(&text));
    }
}

/// The first program there is that compiles.
fn first_that(compiles: impl Fn(&str) -> bool, sources: &[&dyn Fn() -> Option<String>]) -> Option<String> {
    sources.iter().filter_map(|source| source()).find(|program| compiles(program))
}

fn kept() -> Vec<(String, String)> {
    drafts::setting(SETTING).and_then(|text| parse(&text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_stands_in_where_nothing_else_compiles() {
        let compiles = |program: &str| program.starts_with("def");
        let of = |text: &'static str| move || Some(text.to_string());
        let none = || None::<String>;
        assert_eq!(first_that(compiles, &[&of("def a"), &of("def b")]).as_deref(), Some("def a"));
        assert_eq!(first_that(compiles, &[&none, &of("y ="), &of("def c")]).as_deref(), Some("def c"));
        assert_eq!(first_that(compiles, &[&none, &of("y =")]), None);
    }
}
