//! The task programs that ship: files of `tasks/`, each a kind of its own.

use super::build;
use crate::params::intern;
use crate::reward::task;
use crate::tasks::task::{Table, TaskKind};

macro_rules! shipped {
    ($($name:ident),+ $(,)?) => {
        /// All of them, in the order of their names.
        pub fn kinds() -> Vec<TaskKind> {
            vec![$({
                const SOURCE: &str =
                    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tasks/", stringify!($name), ".py"));
                TaskKind {
                    name: stringify!($name),
                    help: intern(&task::help(SOURCE)),
                    table: Table::Declared(|_| task::params(SOURCE)),
                    build: |values| build(stringify!($name), SOURCE, values),
                    source: Some(SOURCE),
                }
            }),+]
        }
    };
}

shipped![
    acrobot,
    cartpole,
    cliff_walking,
    corridor,
    frozen_lake,
    lunar_lander,
    mountain_car,
    race_line,
    sums,
    taxi,
    walker,
];
