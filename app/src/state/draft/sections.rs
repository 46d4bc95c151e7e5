//! The tables of an experiment's settings: reading and writing them by name, and the sections that it can do without.

use crate::state::draft::tables::Table;
use goodhart_core::experiment::{Base, Experiment};
use goodhart_core::params::{Overrides, Params, Value};
use goodhart_core::plan::Problem;

/// Optimiser steps of a base policy that is added on the page.
const BASE_STEPS: u32 = 400;

/// A section that an experiment can do without.
pub struct Section {
    pub table: Table,
    /// Its key in an experiment, as problems name their place.
    pub key: &'static str,
    pub title: &'static str,
    /// What an experiment has with it.
    pub about: &'static str,
}

/// All of them, in the order of the panels.
pub const SECTIONS: [Section; 3] = [
    Section {
        table: Table::RewardModels,
        key: "reward_models",
        title: "Learned reward models",
        about: "Reward models are learned from comparisons before the run. Reward programs read them as ep.rm and ep.rms.",
    },
    Section {
        table: Table::Exploration,
        key: "exploration",
        title: "Exploration memory",
        about: "Every policy remembers the states that it has visited. Reward programs read the memory as ep.visits, ep.episodic_visits and ep.elliptical.",
    },
    Section {
        table: Table::Base,
        key: "base",
        title: "Base policy",
        about: "Before the run the policy is trained on generated demonstrations. It starts from there, and the KL is measured from there.",
    },
];

impl Section {
    /// Why an experiment cannot have this section: the first problem in its place of the experiment with it, if any.
    pub fn refusal(&self, e: &Experiment, problems: impl Fn(&Experiment) -> Vec<Problem>) -> Option<String> {
        let mut with = e.clone();
        self.table.add_to(&mut with);
        problems(&with).into_iter().find(|problem| problem.place == self.key).map(|problem| problem.message)
    }
}

impl Table {
    /// Whether an experiment has this table's section; every experiment has those of the other tables.
    pub fn is_in(self, e: &Experiment) -> bool {
        match self {
            Table::RewardModels => e.reward_models.is_some(),
            Table::Exploration => e.exploration.is_some(),
            Table::Base => e.base.is_some(),
            Table::Task | Table::Policy | Table::Run | Table::Algorithm | Table::Arm(_) => true,
        }
    }

    /// Adds the section with its defaults.
    pub fn add_to(self, e: &mut Experiment) {
        match self {
            Table::RewardModels => e.reward_models = Some(Overrides::new()),
            Table::Exploration => e.exploration = Some(Overrides::new()),
            Table::Base => e.base = Some(Base::new(BASE_STEPS)),
            Table::Task | Table::Policy | Table::Run | Table::Algorithm | Table::Arm(_) => {}
        }
    }

    /// Removes the section with all its settings.
    pub fn remove_from(self, e: &mut Experiment) {
        match self {
            Table::RewardModels => e.reward_models = None,
            Table::Exploration => e.exploration = None,
            Table::Base => e.base = None,
            Table::Task | Table::Policy | Table::Run | Table::Algorithm | Table::Arm(_) => {}
        }
    }

    /// The settings that differ from what they inherit. `place` is that of the table's strategy.
    pub fn overrides(self, e: &Experiment, place: Option<usize>) -> Overrides {
        match self {
            Table::Task => e.task.params.clone(),
            Table::Policy => e.policy.params.clone(),
            Table::Run => e.run.clone(),
            Table::RewardModels => e.reward_models.clone().unwrap_or_default(),
            Table::Exploration => e.exploration.clone().unwrap_or_default(),
            Table::Base => e.base.as_ref().map(written).unwrap_or_default(),
            Table::Algorithm => e.algorithm.clone(),
            Table::Arm(_) => place.and_then(|at| e.arms.get(at)).map(|a| a.algorithm.clone()).unwrap_or_default(),
        }
    }

    /// Sets a setting, or (None) takes it back to what it inherits.
    pub fn set(self, e: &mut Experiment, place: Option<usize>, name: &str, value: Option<Value>) {
        let overrides = match self {
            Table::Task => &mut e.task.params,
            Table::Policy => &mut e.policy.params,
            Table::Run => &mut e.run,
            Table::RewardModels => e.reward_models.get_or_insert_default(),
            Table::Exploration => e.exploration.get_or_insert_default(),
            Table::Base => {
                let base = e.base.get_or_insert_default();
                // What the table refuses was said beside the control.
                if let Some(value) = value.or_else(|| Base::default().get(name)) {
                    base.set(name, &value).ok();
                }
                return;
            }
            Table::Algorithm => &mut e.algorithm,
            Table::Arm(_) => match place.and_then(|at| e.arms.get_mut(at)) {
                Some(arm) => &mut arm.algorithm,
                None => return,
            },
        };
        match value {
            Some(value) => overrides.insert(name.to_string(), value),
            None => overrides.remove(name),
        };
    }
}

/// The settings of a base policy that differ from the defaults.
fn written(base: &Base) -> Overrides {
    let own = Base::TABLE.iter().filter_map(|spec| Some((spec, base.get(spec.name)?)));
    own.filter(|(spec, value)| spec.default.value() != *value).map(|(spec, value)| (spec.name.into(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::blank;
    use goodhart_core::experiment::sections;
    use goodhart_core::plan::plan;

    #[test]
    fn every_section_is_added_set_and_removed() {
        for section in &SECTIONS {
            let mut e = blank();
            assert!(!section.table.is_in(&e), "{}", section.key);
            section.table.add_to(&mut e);
            assert!(section.table.is_in(&e), "{}", section.key);
            for spec in sections::fixed(section.key).unwrap() {
                section.table.set(&mut e, None, spec.name, Some(spec.default.value()));
                assert!(section.table.is_in(&e));
            }
            section.table.remove_from(&mut e);
            assert_eq!(e, blank(), "{}", section.key);
        }
    }

    #[test]
    fn settings_of_a_base_policy_are_set_and_taken_back() {
        let mut e = blank();
        Table::Base.add_to(&mut e);
        Table::Base.set(&mut e, None, "batch", Some(Value::Number(8.0)));
        let both: Overrides =
            [("batch".to_string(), Value::Number(8.0)), ("steps".to_string(), Value::Number(f64::from(BASE_STEPS)))]
                .into();
        assert_eq!(Table::Base.overrides(&e, None), both);
        Table::Base.set(&mut e, None, "batch", None);
        Table::Base.set(&mut e, None, "steps", None);
        assert_eq!(e.base, Some(Base::default()));
        assert_eq!(Table::Base.overrides(&e, None), Overrides::new());
    }

    #[test]
    fn a_section_that_the_task_refuses_says_why() {
        let refusal = |e: &Experiment, key: &str| {
            let section = SECTIONS.iter().find(|section| section.key == key).unwrap();
            section.refusal(e, |e| plan(e).err().unwrap_or_default())
        };
        let mut tokens = blank();
        (tokens.task.kind, tokens.policy.kind) = ("length".into(), "transformer".into());
        for arm in &mut tokens.arms {
            arm.code = "def one(ep):\n    return 1.0\n".into();
        }
        assert_eq!(refusal(&blank(), "exploration"), None);
        assert!(refusal(&tokens, "exploration").unwrap().contains("writes tokens"));
        assert_eq!(refusal(&tokens, "base"), None);
        assert!(refusal(&blank(), "base").unwrap().contains("only a task that writes tokens"));
    }
}
