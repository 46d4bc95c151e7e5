//! `goodhart link` and `goodhart show`: an experiment as a link, and back as a file.

use crate::failure::Failure;
use crate::output::print;
use crate::source;
use goodhart_core::experiment::Experiment;
use goodhart_core::link;
use goodhart_core::plan::{join, plan};
use std::path::Path;

/// Prints the fragment of an experiment, to be put behind the page's address. What cannot run gets none.
pub fn link(file: &Path) -> Result<(), Failure> {
    let experiment = source::open_file(file)?;
    let no_link = |why: String| format!("{} has no link: {why}", file.display());
    let fragment = link::encode(&experiment).map_err(|e| no_link(e.to_string()))?;
    plan(&experiment).map_err(|problems| no_link(join(&problems)))?;
    print(&format!("#{fragment}\n"))
}

/// Prints the experiment of a link as a file that `run` and `link` read back.
pub fn show(link: &str) -> Result<(), Failure> {
    print(&to_toml(&source::open(link)?)?)
}

/// An experiment file. Through JSON, whose shortest decimals keep 0.003 from becoming 0.003000000026.
fn to_toml(experiment: &Experiment) -> Result<String, Failure> {
    let fail = |e: String| Failure::Input(format!("this experiment cannot be written as a file: {e}"));
    let json = serde_json::to_string(experiment).map_err(|e| fail(e.to_string()))?;
    let mut table: toml::Table = serde_json::from_str(&json).map_err(|e| fail(e.to_string()))?;
    table.iter_mut().for_each(|(_, value)| whole_numbers(value));
    toml::to_string_pretty(&table).map_err(|e| fail(e.to_string()))
}

/// Writes 64.0 as 64: parameters that are whole numbers are kept as floats inside.
fn whole_numbers(value: &mut toml::Value) {
    match value {
        toml::Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => *value = toml::Value::Integer(*x as i64),
        toml::Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, v)| whole_numbers(v)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::to_toml;
    use goodhart_core::experiment::{Experiment, file};

    #[test]
    fn an_experiment_file_reads_back_the_same() {
        let text = r#"
            version = 1
            title = "Two arms"
            [task]
            kind = "bandit"
            arms = 64
            noise = 0.25
            [policy]
            kind = "mlp"
            hidden = [64, 64]
            [base]
            steps = 10
            learning_rate = 0.003
            [run]
            updates = 7
            [[arms]]
            name = "first"
            code = """
def pay(ep):
    return 1.0 if ep.name == 'a\\n' else 0.0
"""
            [[arms]]
            name = "second"
            code = "def pay(ep):\n    return 0.5\n"
            [arms.algorithm]
            learning_rate = 0.01
        "#;
        let experiment: Experiment = file::parse(text).unwrap();
        let written = to_toml(&experiment).unwrap();
        assert_eq!(file::parse(&written).unwrap(), experiment);
        assert!(written.contains("learning_rate = 0.003\n") && written.contains("arms = 64\n"), "{written}");
    }
}
