//! Where a curve has its moment, and an experiment with one of its offered edits.

use super::{Experiment, Moment, NowTry, When};

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

impl Moment {
    /// The update at which it happens on the curve so far of a run of `updates`, if it has. A peak or trough counts once
    /// the curve has left it by a tenth of its range, for as long as it is smoothed over: before, it is noise.
    pub fn find(&self, curve: &[f32], updates: usize) -> Option<usize> {
        let window = updates.max(curve.len()).div_ceil(20);
        let smoothed = crate::metrics::statistics::smooth(curve, window);
        let finite = || smoothed.iter().copied().enumerate().filter(|(_, x)| x.is_finite());
        let level = self.level.unwrap_or(0.0);
        let sign = if self.when == When::Trough { -1.0 } else { 1.0 };
        match self.when {
            When::Above => finite().find(|(_, x)| *x >= level).map(|(i, _)| i),
            // Below means that it fell there: a curve that starts there has not.
            When::Below => {
                let from = finite().find(|(_, x)| *x >= level)?.0;
                finite().find(|(i, x)| *i > from && *x < level).map(|(i, _)| i)
            }
            When::Peak | When::Trough => {
                let (at, best) =
                    finite().map(|(i, x)| (i, sign * x)).fold((0, f32::MIN), |a, b| if b.1 > a.1 { b } else { a });
                let least = finite().map(|(_, x)| sign * x).fold(f32::MAX, f32::min);
                let now = sign * finite().next_back()?.1;
                (at + window <= curve.len() && best > least && best - now >= 0.1 * (best - least)).then_some(at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn a_moment_is_found_where_it_happens() {
        let moment =
            |when, level| Moment { metric: String::new(), arm: String::new(), when, level, says: String::new() };
        let hill: Vec<f32> = (0..100).map(|i| if i < 50 { i as f32 } else { 100.0 - i as f32 }).collect();
        assert_eq!(moment(When::Peak, None).find(&hill, 100), Some(50));
        assert_eq!(moment(When::Peak, None).find(&hill[..50], 100), None, "it still rises");
        assert_eq!(moment(When::Above, Some(20.0)).find(&hill, 100), Some(20));
        assert!(moment(When::Below, Some(20.0)).find(&hill, 100).unwrap() > 75);
        assert_eq!(moment(When::Below, Some(20.0)).find(&hill[..60], 100), None);
        assert_eq!(moment(When::Above, Some(200.0)).find(&hill, 100), None);
        assert_eq!(moment(When::Peak, None).find(&[], 100), None);
        let start: Vec<f32> = (0..8).map(|i| if i % 2 == 0 { 0.5 } else { 0.4 }).collect();
        assert_eq!(moment(When::Peak, None).find(&start[..4], 100), None, "a few updates are noise");
    }
}
