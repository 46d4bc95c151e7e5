//! Tasks: what is to be done. A task generates prompts or start states, steps, fills the episode record that reward
//! programs read, and computes the true score, which never enters that record.

pub mod kit;
pub mod program;
mod task;
mod worlds;

pub use task::{
    DrawKey, MAX_ACTIVE, MAX_NUMBERS, Observation, Play, Reading, STATE_WORDS, Samples, State, StepTask, Table, Task,
    TaskKind, TaskView, TokenTask, Twin, Written,
};

use crate::params::{Overrides, ParamError, ParamSpec};
use crate::spelling;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Every kind of task: those of `worlds`, the programs that ship, and a program of one's own.
pub static TASKS: LazyLock<Vec<TaskKind>> = LazyLock::new(|| {
    let mut kinds = vec![
        worlds::bandit::KIND,
        worlds::chain::KIND,
        worlds::drive::KIND,
        worlds::essay::KIND,
        worlds::gridworld::KIND,
        worlds::judge::KIND,
        worlds::length::KIND,
        worlds::pointmass::KIND,
        worlds::quiz::KIND,
        worlds::rooms::KIND,
        worlds::route::KIND,
        worlds::steps::KIND,
        worlds::tool::KIND,
    ];
    kinds.extend(program::shipped::kinds());
    kinds.push(program::KIND);
    kinds
});

/// The parameters of a kind of task, for these values of them; none of a kind that there is not.
pub fn table(kind: &str, values: &Overrides) -> Cow<'static, [ParamSpec]> {
    TASKS.iter().find(|k| k.name == kind).map_or(Cow::Borrowed(&[]), |k| k.table(values))
}

/// The task of that kind with its table's defaults and these overrides; every refused value is reported.
pub fn build(kind: &str, overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    match TASKS.iter().find(|k| k.name == kind) {
        Some(k) => (k.build)(overrides),
        None => {
            let names: Vec<&str> = TASKS.iter().map(|k| k.name).collect();
            let hint = match spelling::closest(kind, names.iter().copied()) {
                Some(best) => format!("; did you mean \"{best}\"?"),
                None => format!("; there are {}", names.join(", ")),
            };
            Err(vec![ParamError { name: "kind".into(), message: format!("there is no task \"{kind}\"{hint}") }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reward::schema::Ty;

    #[test]
    fn an_unknown_kind_is_named_with_the_nearest_one() {
        let said = |kind| build(kind, &Overrides::new()).err().expect("refused")[0].message.clone();
        assert_eq!(said("gridwrld"), "there is no task \"gridwrld\"; did you mean \"gridworld\"?");
        assert!(said("chess game").starts_with("there is no task \"chess game\"; there are bandit, chain, "));
    }

    #[test]
    fn every_task_documents_its_fields_and_parameters_and_has_a_length() {
        for kind in TASKS.iter() {
            let task = build(kind.name, &Overrides::new()).expect("the defaults build");
            assert_eq!(task.kind, kind.name);
            assert!(
                task.schema.fields.iter().all(|f| !f.help.is_empty())
                    && kind.table(&Overrides::new()).iter().all(|p| !p.help.is_empty())
            );
            assert_eq!(task.schema.get(&task.schema.length_field).map(|f| f.ty), Some(Ty::Int));
            assert_eq!(task.schema.get("correct").map(|f| f.ty), Some(Ty::Bool));
            assert_eq!(task.action_names.len(), task.n_actions);
        }
    }
}
