use super::*;
use crate::experiment::{Arm, Experiment, Part};
use crate::params::Value;
use crate::plan::{Plan, plan};
use std::path::Path;

const LOOP: &str = "def r(ep):\n    s = 0.0\n    for i in range(1000):\n        for j in range(300):\n            s += sin(i * j)\n    return s\n";
const LENGTH: &str = "def r(ep):\n    return 1.0 * ep.length\n";

fn part(kind: &str, params: &[(&str, f64)]) -> Part {
    Part { kind: kind.into(), params: params.iter().map(|(k, v)| ((*k).into(), Value::Number(*v))).collect() }
}

fn experiment(task: Part, policy: Part, run: &[(&str, f64)], arms: usize, code: &str) -> Experiment {
    let arm = |i: usize| Arm { name: i.to_string(), code: code.into(), algorithm: [].into(), ..Arm::default() };
    Experiment {
        run: run.iter().map(|(k, v)| ((*k).into(), Value::Number(*v))).collect(),
        ..Experiment::new("t", task, policy, (0..arms).map(arm).collect())
    }
}

fn planned(e: &Experiment) -> Plan {
    plan(e).unwrap_or_else(|p| panic!("{}", crate::plan::join(&p)))
}

/// The link whose update took an hour.
fn slow() -> Experiment {
    let run = [("updates", 1000.0), ("seeds", 2.0), ("groups", 64.0), ("num_generations", 1024.0)];
    experiment(part("gridworld", &[]), part("table", &[]), &run, 8, LOOP)
}

/// The link that took 10 GB.
fn large() -> Experiment {
    let policy = part("transformer", &[("d_model", 128.0), ("layers", 4.0), ("heads", 4.0)]);
    let run = [("updates", 100_000.0), ("seeds", 8.0), ("groups", 8.0), ("num_generations", 64.0)];
    experiment(part("length", &[("max_completion_length", 48.0)]), policy, &run, 8, LENGTH)
}

#[test]
fn an_update_of_many_minutes_is_known_to_be_one_and_asks() {
    let fit = planned(&slow()).cost.fit(2, 2e9).unwrap();
    assert!((600.0..40_000.0).contains(&fit.seconds), "{fit:?}");
    assert!(fit.asks.contains("66 thousand samples") && fit.asks.contains("16 lanes"), "{}", fit.asks);
    assert!(fit.asks.contains("reward program"), "{}", fit.asks);
}

#[test]
fn a_run_of_ten_gigabytes_is_refused_with_what_takes_them() {
    let problems = plan(&large()).err().expect("it is refused");
    let text = problems[0].to_string();
    assert!(text.contains("GB for the policies of 64 lanes") && text.contains("take fewer"), "{text}");
}

#[test]
fn what_does_not_fit_twice_is_trained_by_one_worker() {
    let policy = part("transformer", &[("d_model", 128.0), ("layers", 4.0), ("heads", 4.0)]);
    let run = [("updates", 100.0), ("seeds", 2.0), ("groups", 8.0), ("num_generations", 64.0)];
    let e = experiment(part("length", &[("max_completion_length", 48.0)]), policy, &run, 1, LENGTH);
    let cost = planned(&e).cost;
    let room = cost.bytes(2) - 1.0;
    let fit = cost.fit(2, room).unwrap();
    assert_eq!(fit.workers, 1);
    assert!(fit.says.contains("with 1 worker: there is no room for 2"), "{}", fit.says);
    assert_eq!(cost.fit(2, 2.0 * room).unwrap().workers, 2);
    assert!(cost.fit(2, cost.bytes(1) - 1.0).unwrap_err().contains("there is room for"));
}

#[test]
fn what_ships_fits_and_asks_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut seen = 0;
    for path in files.filter(|f| f.extension().is_some_and(|e| e == "toml")) {
        let e = crate::experiment::file::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let fit = planned(&e).cost.fit(2, 2e9).unwrap_or_else(|why| panic!("{}: {why}", e.id));
        assert_eq!(fit.asks, "", "{}", e.id);
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_size_is_that_of_the_policy_which_is_built() {
    let step =
        |policy: Part| experiment(part("gridworld", &[]), policy, &[], 1, "def r(ep):\n    return 1.0 * ep.goal\n");
    let mut mlp = step(part("mlp", &[]));
    mlp.algorithm.insert("estimator".into(), Value::Text("gae".into()));
    let small = part("transformer", &[("d_model", 32.0), ("layers", 2.0), ("heads", 2.0)]);
    let mut valued = experiment(part("length", &[]), small.clone(), &[], 1, LENGTH);
    valued.algorithm = mlp.algorithm.clone();
    let plain = experiment(part("length", &[]), small, &[], 1, LENGTH);
    for e in [step(part("table", &[])), step(part("mlp", &[])), mlp, plain, valued] {
        let plan = planned(&e);
        let size = plan.policy.size(&plan.policy_params, &plan.interface).unwrap();
        let Ok(built) = plan.policy.build(&plan.policy_params, &plan.interface) else { panic!("it is built") };
        assert_eq!(size.params, built.n_params(), "{}", e.policy.kind);
    }
}

#[test]
fn a_terminal_is_told_before_a_run() {
    let says = planned(&slow()).cost.says_in_turn(2);
    assert!(
        says.starts_with("An update of a lane takes at most about ") && says.ends_with(" with 2 threads."),
        "{says}"
    );
    assert!(says.contains(" min, and the run "), "{says}");
}

#[test]
fn times_and_sizes_are_words() {
    let words = [0.0002, 0.034, 0.5, 42.0, 1800.0, 9000.0].map(duration);
    assert_eq!(words, ["1 ms", "34 ms", "0.5 s", "42 s", "30 min", "2 h"]);
    assert_eq!([2e5, 1.2e8, 4.2e9].map(size), ["1 MB", "120 MB", "4.2 GB"]);
}
