//! Base policies that the seeds of a run are dealt among: which seed starts from which, and what is fetched or made.

use goodhart_core::engine::warm_start::{self, WarmStart};
use goodhart_core::engine::{Bases, CpuEngine, LaneId, lanes_of};
use goodhart_core::experiment::{self, Base, Experiment};
use goodhart_core::link;
use goodhart_core::metrics::columns::{Column, ROW};
use goodhart_core::params::Value;
use goodhart_core::plan::{self, Plan};
use std::path::Path;
use std::sync::Arc;

/// Three seeds, from 1 on, that are dealt among two base policies of three steps each.
fn dealt() -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/grpo-lambda-length.toml");
    let mut e = experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    e.arms.truncate(2);
    // So little was learned that no answer is right: lengths differ always.
    e.arms[0].code = "def brevity(ep):\n    return -0.1 * ep.length\n".into();
    e.arms[1].code = "def verbosity(ep):\n    return 0.1 * ep.length\n".into();
    e.base = Some(Base { batch: 8, policies: 2, ..Base::new(3) });
    for (name, value) in
        [("updates", 6.0), ("first_seed", 1.0), ("seeds", 3.0), ("groups", 4.0), ("num_generations", 4.0)]
    {
        e.run.insert(name.into(), Value::Number(value));
    }
    e.algorithm.insert("beta".into(), Value::Number(0.5));
    e.algorithm.insert("learning_rate".into(), Value::Number(0.01));
    e
}

fn planned(e: &Experiment) -> Arc<Plan> {
    Arc::new(plan::plan(e).unwrap_or_else(|p| panic!("{}", plan::join(&p))))
}

fn warm(plan: &Arc<Plan>, number: u32) -> Vec<f32> {
    let mut warm = WarmStart::new(plan, number).unwrap();
    while warm.progress().0 < warm.progress().1 {
        warm.step();
    }
    warm.params().to_vec()
}

fn both(plan: &Arc<Plan>) -> Bases {
    let mut bases = Bases::default();
    (0..2).for_each(|number| bases.put(number, warm(plan, number)));
    bases
}

#[test]
fn a_seed_starts_from_its_own_base_policy_and_is_held_to_it() {
    let plan = planned(&dealt());
    let bases = both(&plan);
    let [first, second] = [&bases.policies[0].params, &bases.policies[1].params];
    assert_ne!(first, second);
    let ids = lanes_of(&plan, &[0, 1, 2]);
    let mut engine = CpuEngine::new(plan.clone(), &ids, Some(&bases)).unwrap();
    // Seeds 1, 2 and 3.
    let own = |index: usize| [second, first, second][index];
    for lane in engine.checkpoint().lanes {
        assert_eq!(lane.params, *own(lane.seed as usize), "seed {}", lane.seed);
    }
    let rows = engine.update().to_vec();
    for row in rows.chunks_exact(ROW) {
        assert!(row[Column::Kl as usize].abs() < 1e-6, "it starts as its own reference");
    }
    for seed in 0..3 {
        engine.watch(LaneId { arm: 1, seed });
        let rows = engine.update().to_vec();
        assert_eq!(engine.followed().unwrap()[1], *own(seed), "seed {seed}");
        assert!(rows.chunks_exact(ROW).all(|row| row[Column::Kl as usize] > 1e-6), "and goes away from it");
    }
}

#[test]
fn a_run_goes_on_from_a_checkpoint_with_the_base_policy_of_each_seed() {
    let plan = planned(&dealt());
    let bases = both(&plan);
    let ids = lanes_of(&plan, &[0, 1, 2]);
    let new = || CpuEngine::new(plan.clone(), &ids, Some(&bases)).unwrap();
    let mut whole = new();
    (0..3).for_each(|_| drop(whole.update().to_vec()));
    let mut rest = new();
    rest.restore(&whole.checkpoint()).unwrap();
    for _ in 3..6 {
        let (want, got) = (whole.update().to_vec(), rest.update().to_vec());
        assert!(want.iter().zip(&got).all(|(x, y)| x.to_bits() == y.to_bits()));
    }
    assert_eq!(whole.checkpoint(), rest.checkpoint());
}

#[test]
fn a_base_policy_that_is_not_at_hand_is_missed_only_by_its_seeds() {
    let plan = planned(&dealt());
    let mut bases = Bases::default();
    bases.put(1, warm(&plan, 1));
    assert!(CpuEngine::new(plan.clone(), &lanes_of(&plan, &[0, 2]), Some(&bases)).is_ok());
    let why = CpuEngine::new(plan.clone(), &lanes_of(&plan, &[1]), Some(&bases)).err().unwrap();
    assert_eq!(why, "base policy 0 is not at hand");
}

#[test]
fn a_run_needs_the_base_policies_of_its_own_seeds_alone() {
    let mut e = dealt();
    e.base.as_mut().unwrap().policies = 4;
    let numbers = |e: &Experiment| warm_start::keys(e).into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    assert_eq!(numbers(&e), [1, 2, 3]);
    e.run.insert("seeds".into(), Value::Number(2.0));
    assert_eq!(numbers(&e), [1, 2]);
    e.run.insert("first_seed".into(), Value::Number(7.0));
    assert_eq!(numbers(&e), [0, 3], "seeds 7 and 8");
    e.run.insert("seeds".into(), Value::Number(64.0));
    assert_eq!(numbers(&e), [0, 1, 2, 3]);
    assert!(numbers(&Experiment { base: Some(Base::new(0)), ..e.clone() }).is_empty());

    // A base policy has one name, however many others there are, and another one where its seed is another.
    let key = |e: &Experiment, number| warm_start::key(e, number);
    let one = Experiment { base: Some(Base { policies: 1, ..e.base.clone().unwrap() }), ..e.clone() };
    assert_eq!(key(&e, 0), key(&one, 0));
    let third = Experiment { base: Some(Base { seed: 3, ..one.base.clone().unwrap() }), ..e.clone() };
    assert_eq!(key(&e, 3), key(&third, 0));
    assert_ne!(key(&e, 3), key(&e, 2));
    let both = [planned(&e), planned(&third)];
    assert_eq!(warm(&both[0], 3), warm(&both[1], 0));
}

#[test]
fn how_many_base_policies_there_are_is_checked_and_part_of_a_link() {
    let e = dealt();
    let back = link::decode(&format!("#{}", link::encode(&e).unwrap())).unwrap();
    assert_eq!(back.base, e.base);
    let text = |policies| serde_json::to_string(&Base { policies, ..Base::new(3) }).unwrap();
    assert!(text(2).contains("\"policies\":2") && !text(1).contains("policies"), "{}", text(1));
    let mut e = e;
    e.base.as_mut().unwrap().policies = 0;
    let refused = plan::plan(&e).err().unwrap();
    assert!(refused[0].message.contains("policies must be between 1 and 16"), "{refused:?}");
}
