//! An experiment that belongs to no paper: what becomes of rewards that cannot be computed. The alarms about them lead
//! here.

use goodhart_core::experiment::{Arm, Experiment, Moment, NowTry, Part, When};
use goodhart_core::params::Value;

/// What opens it, as the ids of the gallery do theirs.
pub const ID: &str = "what-cannot-be-computed";
pub const TITLE: &str = "What cannot be computed";

pub fn experiment() -> Experiment {
    let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
    let arm =
        |name: &str, code: &str| Arm { name: name.into(), code: code.into(), algorithm: [].into(), ..Arm::default() };
    let text = |name: &str, value: &str| (name.to_string(), Value::Text(value.into()));
    let number = |name: &str, value: f64| (name.to_string(), Value::Number(value));
    let mut arms = vec![
        arm(
            "divides by nothing",
            "def few_coins(ep):\n    # fails where no coin was taken\n    return ep.goal / sum(ep.coins)\n",
        ),
        arm("divides by one at least", "def few_coins(ep):\n    return ep.goal / max(1, sum(ep.coins))\n"),
        arm(
            "pays without measure",
            "HUGE = 1e30     # its square is not finite in 32 bits\n\ndef few_coins(ep):\n    return HUGE * ep.goal / max(1, sum(ep.coins))\n",
        ),
    ];
    arms[0].rings.push("program_errors".into());
    arms[2].rings.push("not_finite".into());
    Experiment {
        lesson: "A sample whose reward cannot be computed takes no part in the update, so nothing tells the policy that it was bad; an update whose numbers are not finite is not made at all.".into(),
        watch: "The alarms at update 0. \"divides by nothing\" divides by the coins that were taken: its failed samples are marked with an exclamation mark in the anatomy. \"pays without measure\" hardly learns anything.".into(),
        algorithm: [number("learning_rate", 0.05), text("estimator", "dr_grpo")].into(),
        run: [number("updates", 200.0)].into(),
        charts: ["true_score", "error_rate", "proxy_reward", "grad_norm"].map(String::from).into(),
        moment: Some(Moment {
            metric: "true_score".into(),
            arm: "divides by one at least".into(),
            when: When::Above,
            level: Some(0.9),
            says: "Where every sample has its reward the task is learned; \"divides by nothing\" learns from what is left.".into(),
        }),
        now_try: vec![
            NowTry {
                says: "Divide by one at least: no sample fails any more.".into(),
                arm: "divides by nothing".into(),
                find: "sum(ep.coins)".into(),
                replace: "max(1, sum(ep.coins))".into(),
                set: [].into(),
            },
            NowTry {
                says: "Pay one instead of 1e30: every update is made.".into(),
                arm: "pays without measure".into(),
                find: "HUGE = 1e30".into(),
                replace: "HUGE = 1.0".into(),
                set: [].into(),
            },
        ],
        ..Experiment::new(TITLE, part("gridworld"), part("table"), arms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::engine::{CpuEngine, lanes_of};
    use goodhart_core::metrics::alarms::{AlarmKind, detect};
    use goodhart_core::metrics::columns::ROW;
    use goodhart_core::metrics::curves::Curves;
    use goodhart_core::plan;
    use std::sync::Arc;

    /// The alarms of the first update: arm and kind.
    fn rung(e: &Experiment) -> Vec<(u32, AlarmKind)> {
        let plan = Arc::new(plan::plan(e).unwrap_or_else(|p| panic!("{}", plan::join(&p))));
        let lanes = lanes_of(&plan, &[0, 1]);
        let mut engine = CpuEngine::new(plan, &lanes, None).unwrap();
        let mut curves = Curves::new(e.arms.len(), 2);
        for (lane, row) in lanes.iter().zip(engine.update().chunks_exact(ROW)) {
            curves.put(lane.arm, lane.seed, 0, row);
        }
        detect(&curves).into_iter().map(|a| (a.arm, a.kind)).collect()
    }

    #[test]
    fn its_alarms_ring_until_its_edits_are_made() {
        let e = experiment();
        let (failed, huge) = ((0, AlarmKind::ProgramErrors), (2, AlarmKind::NotFinite));
        assert_eq!(rung(&e), [failed, huge]);
        assert_eq!(rung(&e.now_try[0].apply(&e).unwrap()), [huge]);
        assert_eq!(rung(&e.now_try[1].apply(&e).unwrap()), [failed]);
    }
}
