//! What an experiment says of its alarms, held against its curves.

use super::{AlarmKind, RULES, detect_arm};
use crate::experiment::{Arm, Experiment};
use crate::metrics::Curves;
use crate::params::shown;
use crate::spelling;

/// One alarm of one arm, as its file says and as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub arm: usize,
    pub kind: AlarmKind,
    pub must_ring: bool,
    /// The update at which it rang.
    pub rang: Option<u32>,
}

impl Held {
    /// Whether it is as its file says.
    pub fn passes(&self) -> bool {
        self.must_ring == self.rang.is_some()
    }
}

/// Every alarm that an experiment's file speaks of; names that no alarm has are left to `problem`.
pub fn hold(experiment: &Experiment, curves: &Curves) -> Vec<Held> {
    let of_arm = |(arm, said): (usize, &Arm)| {
        let must = said.rings.iter().map(|name| (name, true)).chain(said.silent.iter().map(|name| (name, false)));
        let must: Vec<(AlarmKind, bool)> = must.filter_map(|(name, must)| Some((named(name)?, must))).collect();
        let alarms = if must.is_empty() { Vec::new() } else { detect_arm(curves, arm) };
        let held = move |(kind, must_ring)| {
            let rang = alarms.iter().find(|alarm| alarm.kind == kind).map(|alarm| alarm.update);
            Held { arm, kind, must_ring, rang }
        };
        must.into_iter().map(held).collect::<Vec<_>>()
    };
    experiment.arms.iter().enumerate().flat_map(of_arm).collect()
}

/// The alarm of that name.
fn named(name: &str) -> Option<AlarmKind> {
    RULES.iter().find(|rule| rule.key == name).map(|rule| rule.kind)
}

/// What is wrong with the alarms that a file speaks of, in one sentence: a name that no alarm has, with the one that was
/// probably meant, or one that is said both to ring and to be silent.
pub fn problem(experiment: &Experiment) -> Option<String> {
    let unknown = |name: &String| {
        let hint = spelling::hint(name, RULES.iter().map(|rule| rule.key));
        format!("there is no alarm \"{}\"{hint}", shown(name))
    };
    experiment.arms.iter().find_map(|arm| {
        let nobody = arm.rings.iter().chain(&arm.silent).find(|name| named(name).is_none()).map(unknown);
        let both = arm.rings.iter().find(|name| arm.silent.contains(name));
        let both = both.map(|both| format!("it says of {both} that it rings and that it is silent"));
        nobody.or(both).map(|what| format!("the arm \"{}\": {what}", arm.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::file::parse;
    use crate::metrics::Column;
    use crate::metrics::columns::ROW;

    fn experiment(arm: &str) -> Experiment {
        parse(&format!(
            "version = 1\ntitle = \"t\"\n[task]\nkind = \"bandit\"\n[policy]\nkind = \"table\"\n[[arms]]\nname = \"a\"\ncode = \"\"\n{arm}\n"
        ))
        .unwrap()
    }

    #[test]
    fn what_a_file_says_is_held_against_what_rang() {
        let mut curves = Curves::new(1, 2);
        for update in 0..60 {
            let mut row = vec![f32::NAN; ROW];
            row[Column::MeanLength as usize] = if update < 30 { 10.0 } else { 1.0 };
            (0..2).for_each(|seed| curves.put(0, seed, update, &row));
        }
        let e = experiment("rings = [\"length_collapse\", \"kl_blow_up\"]\nsilent = [\"length_explosion\"]");
        let held = hold(&e, &curves);
        assert_eq!(held.iter().map(Held::passes).collect::<Vec<_>>(), [true, false, true]);
        assert!(held[0].rang.is_some_and(|update| (30..40).contains(&update)), "{held:?}");
        assert!(!hold(&experiment("silent = [\"length_collapse\"]"), &curves)[0].passes());
        assert_eq!(hold(&experiment(""), &curves), []);
        // A link carries none of it.
        assert_eq!(hold(&e.to_share(), &curves), []);
    }

    #[test]
    fn what_is_said_to_ring_and_to_be_silent_is_a_contradiction() {
        let said = problem(&experiment("rings = [\"cut_off\"]\nsilent = [\"cut_off\"]")).unwrap();
        assert_eq!(said, "the arm \"a\": it says of cut_off that it rings and that it is silent");
        assert_eq!(problem(&experiment("rings = [\"cut_off\"]")), None);
        let said = problem(&experiment("silent = [\"cutt_off\"]")).unwrap();
        assert_eq!(said, "the arm \"a\": there is no alarm \"cutt_off\"; did you mean \"cut_off\"?");
    }
}
