//! What an experiment says of its alarms, held against its curves.

use super::{AlarmKind, detect_arm};
use crate::experiment::Experiment;
use crate::metrics::Curves;

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

/// Every alarm that an experiment's file speaks of.
pub fn hold(experiment: &Experiment, curves: &Curves) -> Vec<Held> {
    let of_arm = |(arm, said): (usize, &crate::experiment::Arm)| {
        let must = said.rings.iter().map(|kind| (*kind, true)).chain(said.silent.iter().map(|kind| (*kind, false)));
        let must: Vec<(AlarmKind, bool)> = must.collect();
        let alarms = if must.is_empty() { Vec::new() } else { detect_arm(curves, arm) };
        let held = move |(kind, must_ring)| {
            let rang = alarms.iter().find(|alarm| alarm.kind == kind).map(|alarm| alarm.update);
            Held { arm, kind, must_ring, rang }
        };
        must.into_iter().map(held).collect::<Vec<_>>()
    };
    experiment.arms.iter().enumerate().flat_map(of_arm).collect()
}

/// What is said both to ring and to be silent, in one sentence.
pub fn contradiction(experiment: &Experiment) -> Option<String> {
    experiment.arms.iter().find_map(|arm| {
        let both = arm.rings.iter().find(|kind| arm.silent.contains(kind))?;
        Some(format!(
            "the arm \"{}\" says of {} that it rings and that it is silent",
            arm.name,
            super::Rule::of(*both).key
        ))
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
        let said = contradiction(&experiment("rings = [\"cut_off\"]\nsilent = [\"cut_off\"]")).unwrap();
        assert_eq!(said, "the arm \"a\" says of cut_off that it rings and that it is silent");
        assert_eq!(contradiction(&experiment("rings = [\"cut_off\"]")), None);
    }
}
