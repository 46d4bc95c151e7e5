//! An experiment with one of the edits that its file offers.

use super::{Experiment, NowTry};

impl NowTry {
    /// The experiment with this edit.
    ///
    /// Errors: an arm, a text or a part that the experiment has not, in one sentence.
    pub fn apply(&self, experiment: &Experiment) -> Result<Experiment, String> {
        let mut edited = experiment.clone();
        let named = edited.arms.iter().position(|arm| arm.name == self.arm);
        if !self.arm.is_empty() && named.is_none() {
            return Err(format!("there is no arm \"{}\" any more", self.arm));
        }
        if !self.find.is_empty() {
            let Some(arm) = named.map(|i| &mut edited.arms[i]) else {
                return Err("the edit does not say which arm's code it changes".into());
            };
            if !arm.code.contains(&self.find) {
                return Err(format!("\"{}\" is no longer in the code of \"{}\"", self.find, self.arm));
            }
            arm.code = arm.code.replacen(&self.find, &self.replace, 1);
        }
        for (path, value) in &self.set {
            let (part, name) = path.split_once('.').unwrap_or(("", path));
            let overrides = match (part, named) {
                ("task", _) => &mut edited.task.params,
                ("policy", _) => &mut edited.policy.params,
                ("run", _) => &mut edited.run,
                ("algorithm", Some(i)) => &mut edited.arms[i].algorithm,
                ("algorithm", None) => &mut edited.algorithm,
                ("reward_models", _) => edited.reward_models.get_or_insert_default(),
                ("exploration", _) => edited.exploration.get_or_insert_default(),
                _ => return Err(format!("\"{path}\" names no part of an experiment")),
            };
            overrides.insert(name.into(), value.clone());
        }
        Ok(edited)
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::file;

    const TEXT: &str = r#"
version = 1
title = "t"
[task]
kind = "bandit"
[policy]
kind = "table"
[[arms]]
name = "a"
code = "ALPHA = 2.0\n"
[[now_try]]
says = "Less of it."
arm = "a"
find = "ALPHA = 2.0"
replace = "ALPHA = 1.0"
[[now_try]]
says = "A KL."
set = { "algorithm.beta" = 0.1, "task.arms" = 8 }
[[now_try]]
says = "Nothing."
arm = "b"
set = { "algorithm.beta" = 0.1 }
"#;

    #[test]
    fn an_edit_changes_code_or_settings_and_nothing_else() {
        let e = file::parse(TEXT).unwrap();
        let edited = e.now_try[0].apply(&e).unwrap();
        assert_eq!(edited.arms[0].code, "ALPHA = 1.0\n");
        assert!(e.now_try[0].apply(&edited).unwrap_err().contains("no longer in the code"));
        let edited = e.now_try[1].apply(&e).unwrap();
        assert_eq!((edited.algorithm.len(), edited.task.params.len(), edited.arms[0].algorithm.len()), (1, 1, 0));
        assert!(e.now_try[2].apply(&e).unwrap_err().contains("no arm \"b\""));
    }
}
