//! Finding a setting by what a person calls it: its name, its names elsewhere, or words of its help.

use crate::state::app::App;
use crate::state::draft::sections::SECTIONS;
use crate::state::draft::tables::{Catalog, Spec, Table};
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Overrides;
use leptos::prelude::*;

/// Settings that are offered at once.
const MAX_FOUND: usize = 8;

/// A setting that fits, and the table that it stands in.
#[derive(Clone, Copy)]
pub struct Found {
    pub spec: &'static Spec,
    pub table: Table,
}

impl App {
    /// The settings that fit what was typed, the nearest first: the algorithm's, for `own` (all arms or one of them), and
    /// those that stand in panels of their own.
    pub fn find_settings(self, own: Table, typed: &str) -> Vec<Found> {
        let tables = self.tables();
        self.draft.with(|draft| find(tables, draft, own, typed))
    }
}

fn find(catalog: &'static Catalog, draft: &Experiment, own: Table, typed: &str) -> Vec<Found> {
    let mut tables = vec![own, Table::Run, Table::Policy, Table::Task];
    tables.extend(SECTIONS.iter().map(|section| section.table).filter(|table| table.is_in(draft)));
    let all =
        tables.into_iter().flat_map(|table| catalog.table(table, draft).iter().map(move |spec| Found { spec, table }));
    let mut found: Vec<(usize, Found)> = all.filter_map(|f| Some((rank(f.spec, typed)?, f))).collect();
    // Stable: of those that fit as well, the algorithm's come first, in the order of their table.
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, f)| f).take(MAX_FOUND).collect()
}

/// How near a setting is to what was typed, 0 the nearest; None where it does not fit.
fn rank(spec: &Spec, typed: &str) -> Option<usize> {
    let typed = plain(typed);
    let name = plain(&spec.name);
    let names: Vec<String> = spec.also.split(',').map(plain).filter(|n| !n.is_empty()).collect();
    let words = || format!("{} {}", plain(&spec.help), plain(&spec.source));
    let word_of = |name: &String| name.split(' ').any(|word| word == typed);
    let found = [
        name == typed,
        names.contains(&typed),
        name.starts_with(&typed),
        names.iter().any(|n| n.starts_with(&typed)),
        word_of(&name) || names.iter().any(word_of),
        name.contains(&typed) || names.iter().any(|n| n.contains(&typed)),
        typed.split(' ').all(|word| words().contains(word)),
    ];
    found.iter().position(|fits| *fits).filter(|_| !typed.is_empty())
}

/// Words in small letters: `learning_rate`, `Learning rate` and `learning-rate` are one name.
fn plain(text: &str) -> String {
    let letters = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl App {
    /// The overrides that a table of the draft holds.
    pub fn overrides(self, table: Table) -> Overrides {
        let place = match table {
            Table::Arm(id) => self.place(id),
            _ => None,
        };
        self.draft.with(|e| table.overrides(e, place))
    }

    /// The tables; empty until the language module is there.
    pub fn tables(self) -> &'static Catalog {
        self.catalog.get()
    }

    /// The name under which the language module knows a table of the draft.
    pub fn table_name(self, table: Table) -> String {
        self.draft.with_untracked(|draft| match table {
            Table::Task => format!("task {}", draft.task.kind),
            Table::Policy => format!("policy {}", draft.policy.kind),
            Table::Run => "run".into(),
            Table::RewardModels => "reward_models".into(),
            Table::Exploration => "exploration".into(),
            Table::Base => "base".into(),
            Table::Algorithm | Table::Arm(_) => "algorithm".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::draft::tables::{Kind, KindOf};
    use goodhart_core::params::{ParamSpec, Value};

    fn spec(of: &ParamSpec) -> Spec {
        let [unit, help, formula, source, also] = [of.unit, of.help, of.formula, of.source, of.also].map(String::from);
        let default = Value::Number(0.0);
        let names = Vec::new();
        Spec {
            name: of.name.into(),
            kind: Kind::Float,
            names,
            min: 0.0,
            max: 1.0,
            unit,
            help,
            formula,
            source,
            also,
            default,
        }
    }

    /// The tables of core, as the language module tells them.
    fn catalog() -> &'static Catalog {
        let rows = |table: &[ParamSpec]| table.iter().map(spec).collect();
        let policy = |k: &goodhart_core::policy::PolicyKind| KindOf {
            name: k.name.into(),
            help: String::new(),
            table: rows(k.table),
            source: None,
        };
        Box::leak(Box::new(Catalog {
            algorithm: rows(goodhart_core::algorithm::Settings::TABLE),
            run: rows(goodhart_core::experiment::RunParams::TABLE),
            reward_models: Vec::new(),
            exploration: rows(goodhart_core::episode_fields::exploration::ExplorationParams::TABLE),
            base: rows(goodhart_core::experiment::Base::TABLE),
            tasks: Vec::new(),
            policies: goodhart_core::policy::POLICIES.iter().map(policy).collect(),
        }))
    }

    #[test]
    fn a_setting_is_found_by_what_people_and_frameworks_call_it() {
        let (catalog, draft) = (catalog(), crate::state::blank());
        let first = |typed: &str| {
            let found = find(catalog, &draft, Table::Algorithm, typed);
            found.first().map_or("nothing".into(), |f| f.spec.name.clone())
        };
        for (typed, wanted) in [
            ("lr", "learning_rate"),
            ("LR", "learning_rate"),
            ("learning rate", "learning_rate"),
            ("learning-rate", "learning_rate"),
            ("actor_learning_rate", "learning_rate"),
            ("beta", "beta"),
            ("kl_coef", "beta"),
            ("init_kl_coef", "beta"),
            ("kl_loss_coef", "beta"),
            ("group size", "num_generations"),
            ("rollout.n", "num_generations"),
            ("n_samples_per_prompt", "num_generations"),
            ("batch size", "groups"),
            ("train_batch_size", "groups"),
            ("rollout_batch_size", "groups"),
            ("ppo_epochs", "num_iterations"),
            ("clip_ratio_high", "epsilon_high"),
            ("clip_coef", "epsilon"),
            ("adv_estimator", "estimator"),
            ("lam", "gae_lambda"),
            ("grad_clip", "max_grad_norm"),
            ("max_steps", "updates"),
            ("filter_groups", "dynamic_sampling"),
            ("ent_coef", "entropy_coef"),
            ("no such thing at all", "nothing"),
            ("  ", "nothing"),
        ] {
            assert_eq!(first(typed), wanted, "{typed}");
        }
        let batch = find(catalog, &draft, Table::Algorithm, "batch size");
        let batch: Vec<_> = batch.iter().map(|f| (f.spec.name.as_str(), f.table)).take(2).collect();
        assert_eq!(batch, [("groups", Table::Run), ("num_generations", Table::Run)]);
        // Every setting is found by its own name first.
        for spec in &catalog.algorithm {
            assert_eq!(first(&spec.name), spec.name);
        }
    }
}
