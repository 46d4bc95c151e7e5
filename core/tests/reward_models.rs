//! Learned reward models as the CPU engine lives with them: what an experiment may ask for, what reward code reads, when a
//! training is due, and that a run goes on from a checkpoint with its own models.

use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::columns::component_mean;
use goodhart_core::metrics::{Column, digest};
use goodhart_core::plan::{self, Plan};
use std::sync::Arc;

fn planned(models: &str, code: &str, algorithm: &str) -> Result<Arc<Plan>, String> {
    let text = format!(
        r#"{{"version": 1, "title": "t", "task": {{"kind": "bandit"}}, "policy": {{"kind": "table"}},
            "reward_models": {models}, "run": {{"updates": 8, "groups": 4, "num_generations": 8}},
            "algorithm": {algorithm}, "arms": [{{"name": "a", "code": {}}}]}}"#,
        serde_json::to_string(code).unwrap()
    );
    let experiment: Experiment = serde_json::from_str(&text).unwrap();
    plan::plan(&experiment).map(Arc::new).map_err(|problems| plan::join(&problems))
}

const CODE: &str =
    "def mean_of(ep):\n    return ep.rm\ndef first(ep):\n    return ep.rms[0]\ndef last(ep):\n    return ep.rms[-1]\n";

fn engine(plan: &Arc<Plan>) -> CpuEngine {
    let ids = lanes_of(plan, &[0, 1]);
    let mut engine = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    for id in ids {
        let start = FirstTraining::new(plan, id.seed, None).unwrap().expect("the experiment learns reward models");
        let (weights, report) = start.finish(start.job().weights());
        assert!(report.unwrap().mean.pairs > 0.0, "there are held-out pairs");
        engine.set_reward_models(id, &weights).unwrap();
    }
    engine
}

#[test]
fn reward_code_reads_the_mean_and_each_score() {
    let plan = planned(r#"{"count": 2}"#, CODE, "{}").unwrap();
    let row = engine(&plan).update().to_vec();
    let [mean, first, last] = [0, 1, 2].map(|c| row[component_mean(c)]);
    assert!((mean - 0.5 * (first + last)).abs() < 1e-5 && first != last, "{mean} {first} {last}");
    assert!(mean.abs() < 1.0, "normalised over answers of the base policy, which this update still is: {mean}");
    assert!((0.0..=1.0).contains(&row[Column::RmAccuracy as usize]));
    let none = planned("null", "def r(ep):\n    return ep.rm\n", "{}").err().unwrap();
    assert!(none.contains("rm"), "without the section there is no such field: {none}");
}

#[test]
fn what_cannot_be_learned_is_refused_with_a_sentence() {
    for (models, part) in [
        (r#"{"inputs": "feature"}"#, "inputs names \"feature\", which an episode has not; it has context, arm"),
        (r#"{"encoder": "sequence"}"#, "the encoder sequence does not read \"features\", a list of floats"),
        (r#"{"hidden": []}"#, "hidden must hold one to three sizes, not 0"),
        (r#"{"objectiv": "margin"}"#, "did you mean \"objective\""),
    ] {
        let message = planned(models, "def r(ep):\n    return 1.0\n", "{}").err().expect("refused");
        assert!(message.starts_with("reward_models: ") && message.contains(part), "{message}");
    }
}

#[test]
fn trainings_are_due_as_the_arm_says_and_wait_for_their_weights() {
    let plan = planned("{}", "def r(ep):\n    return ep.rm\n", r#"{"rm_every": 3, "rm_pairs": 20}"#).unwrap();
    let mut engine = engine(&plan);
    let mut due = Vec::new();
    for update in 1..=8 {
        engine.update();
        let jobs = engine.reward_model_jobs();
        if !jobs.is_empty() {
            due.push(update);
            assert!(jobs.len() == 2 && jobs.iter().all(|(_, job)| job.rows.len() == 32 * 4 && job.round == update));
        }
        for (id, job) in jobs {
            engine.set_reward_models(id, &job.weights()).unwrap();
        }
        assert!(engine.reward_model_jobs().is_empty());
    }
    assert_eq!(due, [3, 6]);
    assert!(engine.set_reward_models(lanes_of(&plan, &[0])[0], &[1.0]).is_err());
}

#[test]
fn a_corruption_is_the_answer_with_one_choice_changed() {
    let text = r#"{"version": 1, "title": "t", "task": {"kind": "essay", "good_score": 0.4}, "policy": {"kind": "table"},
        "reward_models": {}, "run": {"updates": 4, "groups": 8, "num_generations": 8},
        "algorithm": {"rm_every": 1, "rm_fresh_pairs": "corrupted", "rm_pairs": 50},
        "arms": [{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}]}"#;
    let experiment: Experiment = serde_json::from_str(text).unwrap();
    let plan = Arc::new(plan::plan(&experiment).unwrap_or_else(|problems| panic!("{}", plan::join(&problems))));
    let mut engine = engine(&plan);
    engine.update();
    let jobs = engine.reward_model_jobs();
    assert_eq!(jobs.len(), 2, "one arm of two seeds");
    for (_, job) in jobs {
        let (width, examples) = (job.shape.width, &job.models[0].examples);
        let row = |i: u32| &job.rows[i as usize * width..][..width];
        assert_eq!(examples.len(), 50);
        for (accepted, wrong) in examples.first.iter().zip(&examples.second) {
            assert!(*accepted < 64 && *wrong >= 64, "{accepted} {wrong}");
            let changed = row(*accepted).iter().zip(row(*wrong)).filter(|(a, b)| a != b).count();
            assert_eq!(changed, 1, "{:?} {:?}", row(*accepted), row(*wrong));
        }
    }
}

#[test]
fn a_run_goes_on_from_a_checkpoint_with_its_own_models() {
    let plan = planned(r#"{"count": 2}"#, CODE, r#"{"learning_rate": 0.1}"#).unwrap();
    let mut whole = engine(&plan);
    (0..3).for_each(|_| drop(whole.update().to_vec()));
    let saved = whole.checkpoint();
    let mut other = CpuEngine::new(plan.clone(), &lanes_of(&plan, &[0, 1]), None).unwrap();
    other.restore(&saved).unwrap();
    assert_eq!(digest(whole.update()), digest(other.update()));
    let without = planned(r#"{"count": 3}"#, CODE, "{}").unwrap();
    let mut other = CpuEngine::new(without.clone(), &lanes_of(&without, &[0, 1]), None).unwrap();
    assert!(other.restore(&saved).is_err(), "models of another size");
}

#[test]
fn the_same_seed_starts_from_the_same_job() {
    let plan = planned(r#"{"count": 2, "data": "bootstrap", "label_noise": 0.25}"#, CODE, "{}").unwrap();
    let start = |seed| FirstTraining::new(&plan, seed, None).unwrap().unwrap();
    assert!(start(0).job() == start(0).job());
    assert!(start(0).job().rows != start(1).job().rows);
    let job = start(0);
    assert!(job.job().models[0].examples != job.job().models[1].examples, "each draws its own data");
}
