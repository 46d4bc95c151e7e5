//! Which runs have made this worker's memory as large as it is.

use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::Overrides;

/// What decides how much memory a run takes.
type Needs = (Part, Part, Overrides);

fn needs(e: &Experiment) -> Needs {
    (e.task.clone(), e.policy.clone(), e.run.clone())
}

/// What the runs took that this worker was told to load. Its memory never shrinks, whether a load came to its end or
/// another one overtook it.
#[derive(Default)]
pub struct Tried(Vec<Needs>);

impl Tried {
    /// Notes what an experiment takes, and whether another one came before it.
    pub fn others(&mut self, experiment: &Experiment) -> bool {
        let needs = needs(experiment);
        if !self.0.contains(&needs) {
            self.0.push(needs);
        }
        self.0.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::params::Value;

    #[test]
    fn only_another_size_of_run_counts() {
        let part = |kind: &str| Part { kind: kind.into(), params: Overrides::new() };
        let small = Experiment::new("small", part("bandit"), part("table"), Vec::new());
        let other = Experiment { title: "another title".into(), ..small.clone() };
        let mut large = small.clone();
        large.run.insert("seeds".into(), Value::Number(32.0));
        let mut tried = Tried::default();
        assert!(!tried.others(&small) && !tried.others(&other), "its text takes no memory");
        assert!(tried.others(&large));
        assert!(tried.others(&small), "the large one stays in memory");
    }
}
