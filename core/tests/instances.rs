//! Instances of a task: every seed has its own, all of the same shape, and a seed trains alike alone and in company.

mod common;

use common::number;
use goodhart_core::engine::{CpuEngine, LaneId, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::{Plan, plan};
use goodhart_core::tasks::{Play, TASKS};
use std::sync::Arc;

/// The kinds that draw something for good.
fn drawn() -> impl Iterator<Item = &'static str> {
    TASKS
        .iter()
        .filter(|kind| kind.table(&Default::default()).iter().any(|spec| spec.name == "table_seed"))
        .map(|kind| kind.name)
}

fn experiment(kind: &str, run: &str) -> Experiment {
    let policy = if ["drive", "rooms", "quiz"].contains(&kind) { r#"{"kind": "mlp"}"# } else { r#"{"kind": "table"}"# };
    let text = format!(
        r#"{{"version": 1, "title": "t", "task": {{"kind": "{kind}"}}, "policy": {policy},
            "run": {{"updates": 3, "groups": 2, "num_generations": 4{run}}},
            "arms": [{{"name": "a", "code": "def right(ep):\n    return 1.0 if ep.correct else 0.0\n"}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn planned(e: &Experiment) -> Arc<Plan> {
    Arc::new(plan(e).unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn words(plan: &Plan, instance: usize) -> Vec<u32> {
    let Play::Steps(task) = &plan.instances[instance].play else { panic!("it takes steps") };
    task.shader_words()
}

#[test]
fn every_seed_has_its_own_instance_of_one_shape() {
    assert_eq!(drawn().count(), 7);
    for kind in drawn() {
        let plan = planned(&experiment(kind, r#", "seeds": 5"#));
        assert_eq!(plan.instances.len(), 5, "{kind}");
        for (i, own) in plan.instances.iter().enumerate() {
            assert_eq!((own.n_actions, own.horizon), (plan.task.n_actions, plan.task.horizon), "{kind}");
            assert_eq!(own.schema, plan.task.schema, "{kind}");
            assert_eq!(words(&plan, i).len(), words(&plan, 0).len(), "{kind}");
            assert!((0..i).all(|other| words(&plan, other) != words(&plan, i)), "{kind}: instance {i}");
        }
    }
}

#[test]
fn a_run_may_ask_for_one_instance_or_a_few() {
    let all = planned(&experiment("bandit", r#", "seeds": 6"#));
    let one = planned(&experiment("bandit", r#", "seeds": 6, "instances": 1"#));
    assert_eq!(one.instances.len(), 1);
    assert_eq!(words(&one, 0), words(&all, 0));
    let two = planned(&experiment("bandit", r#", "seeds": 6, "instances": 2"#));
    assert_eq!((0..6).map(|seed| two.instance(seed)).collect::<Vec<_>>(), [0, 1, 0, 1, 0, 1]);
    assert_eq!(words(&two, 1), words(&all, 1));
    // Other seeds are other instances, unless the run has only so many.
    let later = planned(&experiment("bandit", r#", "seeds": 2, "first_seed": 3"#));
    assert_eq!([words(&later, 0), words(&later, 1)], [words(&all, 3), words(&all, 4)]);
    let later = planned(&experiment("bandit", r#", "seeds": 2, "first_seed": 3, "instances": 2"#));
    assert_eq!([words(&later, 0), words(&later, 1)], [words(&all, 1), words(&all, 0)]);
    assert_eq!(planned(&experiment("gridworld", r#", "seeds": 6"#)).instances.len(), 1, "it draws nothing for good");
}

#[test]
fn a_seed_of_the_table_comes_first_and_goes_round() {
    let mut e = experiment("bandit", r#", "seeds": 3"#);
    let all = planned(&e);
    e.task.params.insert("table_seed".into(), number(1.0));
    assert_eq!(words(&planned(&e), 0), words(&all, 1));
    e.task.params.insert("table_seed".into(), number(1_000_000.0));
    assert_eq!(words(&planned(&e), 1), words(&all, 0), "after the last comes the first");
    for refused in [-1.0, 0.5, 1_000_001.0] {
        e.task.params.insert("table_seed".into(), number(refused));
        assert!(plan(&e).is_err_and(|problems| problems[0].place == "task"), "{refused}");
    }
}

#[test]
fn a_seed_trains_alike_alone_and_in_company() {
    for kind in drawn() {
        let e = experiment(kind, r#", "seeds": 4, "first_seed": 7"#);
        let plan = planned(&e);
        let ids = lanes_of(&plan, &[0, 1, 2, 3]);
        let mut company = CpuEngine::new(plan, &ids, None).unwrap();
        let alone = planned(&e.of_seed(2));
        let mut alone = CpuEngine::new(alone, &[LaneId { arm: 0, seed: 0 }], None).unwrap();
        for update in 0..3 {
            let rows = company.update();
            let width = rows.len() / ids.len();
            let own: Vec<u32> = rows[2 * width..3 * width].iter().map(|x| x.to_bits()).collect();
            assert_eq!(own, alone.update().iter().map(|x| x.to_bits()).collect::<Vec<_>>(), "{kind}: update {update}");
        }
    }
}
