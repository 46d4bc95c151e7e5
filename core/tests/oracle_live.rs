//! The oracle beside training: exact numbers agree with many samples, gradients with finite differences, and both
//! gradients point the same way.

mod common;

use common::{number, overrides, text};
use goodhart_core::engine::warm_start::WarmStart;
use goodhart_core::engine::{Bases, CpuEngine, LaneId};
use goodhart_core::experiment::{self, Base, Claim, Comparison, Experiment, Part, Statistic};
use goodhart_core::math::rng::{draw, uniform};
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::metrics::{Curves, claims};
use goodhart_core::oracle::live::{Followed, Live, cosines};
use goodhart_core::plan::{self, Plan};
use goodhart_core::protocol::Exact;
use std::path::Path;
use std::sync::Arc;

const LANE: LaneId = LaneId { arm: 0, seed: 0 };

/// A shipped experiment's first arm, changed.
fn shipped(id: &str, change: impl FnOnce(&mut Experiment)) -> Arc<Plan> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    let mut e = experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    e.arms.truncate(1);
    change(&mut e);
    Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))))
}

/// Plain policy gradient: one pass, returns without a baseline's bias, and enough samples that chance is small.
fn plainly(e: &mut Experiment) {
    e.algorithm = overrides([
        ("estimator", text("reinforce")),
        ("learning_rate", number(0.5)),
        ("optim", text("sgd")),
        ("max_grad_norm", number(0.0)),
        ("beta", number(0.001)),
    ]);
    e.run.insert("groups".into(), number(64.0));
    e.run.insert("num_generations".into(), number(64.0));
}

/// What is exact of the lane's last update.
fn exact(live: &mut Live, engine: &CpuEngine, update: u32) -> (Option<Exact>, String) {
    let (lane, kept) = engine.watched().unwrap();
    let [params, reference] = engine.followed().unwrap();
    live.exact(&Followed { lane, arm: engine.arm(lane.arm), params, reference, kept, update })
}

/// Trains some updates and holds every exact number against the update's samples; gives the cosines.
fn follow(plan: &Arc<Plan>, updates: u32) -> Vec<f32> {
    let base = base(plan);
    let mut engine = CpuEngine::new(plan.clone(), &[LANE], base.as_ref()).unwrap();
    engine.watch(LANE);
    let mut live = Live::new(plan).unwrap();
    let mut cosines = Vec::new();
    for update in 0..updates {
        let row: Vec<f32> = engine.update().to_vec();
        assert_eq!(row.len(), ROW);
        let at = |c: Column| row[c as usize];
        let (exact, missing) = exact(&mut live, &engine, update);
        assert!(missing.is_empty() || missing.starts_with("This is over the update's "), "{missing}");
        let exact = exact.unwrap();
        let (_, kept) = engine.watched().unwrap();
        let n = kept.lengths.len() as f32;
        let spread = |all: &[f32], mean: f32| {
            (all.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n).sqrt().max(0.3) / n.sqrt()
        };
        let rewards = spread(&kept.rewards, at(Column::ProxyReward));
        let reward = exact.reward.unwrap();
        assert!((reward - at(Column::ProxyReward)).abs() < 5.0 * rewards, "{reward} {}", at(Column::ProxyReward));
        let scores = spread(&kept.true_scores, at(Column::TrueScore));
        assert!((exact.true_score - at(Column::TrueScore)).abs() < 5.0 * scores, "{exact:?} {}", at(Column::TrueScore));
        assert!((exact.entropy - at(Column::Entropy)).abs() < 0.015, "{exact:?} {}", at(Column::Entropy));
        assert!((exact.kl - at(Column::Kl)).abs() < 0.002 + 0.1 * exact.kl, "{exact:?} {}", at(Column::Kl));
        cosines.push(exact.cosine.unwrap());
    }
    println!("{cosines:?}");
    cosines
}

#[test]
fn exact_numbers_agree_with_a_large_batch_of_a_table() {
    let cosines = follow(&shipped("coin-circling", plainly), 12);
    assert!(cosines.iter().all(|c| *c > 0.98), "{cosines:?}");
}

#[test]
fn exact_numbers_agree_with_a_large_batch_of_an_mlp() {
    let plan = shipped("coin-circling", |e| {
        plainly(e);
        e.policy.kind = "mlp".into();
        e.policy.params = overrides([]);
        e.algorithm.insert("learning_rate".into(), number(0.05));
    });
    let cosines = follow(&plan, 8);
    assert!(cosines.iter().all(|c| *c > 0.98), "{cosines:?}");
}

/// The same over tokens: 54,000 completions of a prompt, from a policy that has learned a little.
#[test]
fn exact_numbers_agree_with_a_large_batch_of_a_transformer() {
    let plan = short(64, 64);
    let cosines = follow(&plan, 5);
    assert!(cosines.iter().all(|c| *c > 0.9), "{cosines:?}");
}

/// The shortest length task, whose verifier is sometimes wrong.
fn short(groups: u32, samples: u32) -> Arc<Plan> {
    shipped("grpo-lambda-length", |e| {
        plainly(e);
        e.task.params = overrides([
            ("symbols", number(4.0)),
            ("work_min", number(1.0)),
            ("work_max", number(1.0)),
            ("max_completion_length", number(4.0)),
            ("vocabulary", number(16.0)),
            ("demo_filler", number(0.1)),
            ("false_positive", number(0.1)),
            ("false_negative", number(0.05)),
        ]);
        e.policy.params = overrides([("d_model", number(16.0))]);
        e.base = Some(Base { batch: 32, learning_rate: 0.005, ..Base::new(400) });
        e.run.insert("groups".into(), number(f64::from(groups)));
        e.run.insert("num_generations".into(), number(f64::from(samples)));
        e.algorithm.insert("learning_rate".into(), number(0.3));
        e.arms[0].code = "def right(ep):\n    return (1.0 if ep.correct else 0.0) - 0.1 * ep.length\n".into();
    })
}

/// The policy that lanes start from.
fn base(plan: &Arc<Plan>) -> Option<Bases> {
    let mut warm = WarmStart::new(plan, 0)?;
    (0..warm.progress().1).for_each(|_| {
        warm.step();
    });
    Some(Bases::one(warm.params().to_vec()))
}

/// Each kind of policy, away from where it starts.
fn every_kind() -> [(&'static str, Arc<Plan>); 4] {
    let small = |e: &mut Experiment| {
        plainly(e);
        e.run.insert("groups".into(), number(4.0));
        e.run.insert("num_generations".into(), number(8.0));
    };
    let mlp = |e: &mut Experiment| {
        small(e);
        e.policy.kind = "mlp".into();
        e.policy.params = overrides([]);
        e.algorithm.insert("learning_rate".into(), number(0.05));
    };
    [
        ("table", shipped("coin-circling", small)),
        ("mlp", shipped("coin-circling", mlp)),
        ("table", shipped("clip-delta", small)),
        ("transformer", short(2, 8)),
    ]
}

/// Against central differences of the expected reward along the gradient, along the samples' gradient and along random
/// directions.
#[test]
fn the_exact_gradient_is_that_of_the_expected_reward() {
    for (kind, plan) in every_kind() {
        let base = base(&plan);
        let mut engine = CpuEngine::new(plan.clone(), &[LANE], base.as_ref()).unwrap();
        engine.watch(LANE);
        (0..3).for_each(|_| {
            engine.update();
        });
        let mut live = Live::new(&plan).unwrap();
        let (_, kept) = engine.watched().unwrap();
        let [params, reference] = engine.followed().unwrap();
        let at = |params: &[f32], live: &mut Live| {
            let followed = Followed { lane: LANE, arm: engine.arm(0), params, reference, kept, update: 2 };
            live.exact(&followed).0.unwrap().reward.unwrap()
        };
        let followed = Followed { lane: LANE, arm: engine.arm(0), params, reference, kept, update: 2 };
        let [exact, sampled] = live.gradients(&followed).unwrap();
        let random =
            |which: u32| (0..params.len() as u32).map(move |i| uniform(draw(which, i, 0, 0, 0, 0)[0]) - 0.5).collect();
        let size = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
        let whole = size(&exact);
        for direction in [exact.clone(), sampled, random(1), random(2)] {
            let direction: Vec<f32> = direction.iter().map(|x| x / size(&direction)).collect();
            let moved = |h: f32| params.iter().zip(&direction).map(|(x, d)| x + h * d).collect::<Vec<f32>>();
            let h = 0.005;
            let want = (at(&moved(h), &mut live) - at(&moved(-h), &mut live)) / (2.0 * h);
            let got: f32 = exact.iter().zip(&direction).map(|(x, d)| x * d).sum();
            println!("{kind}: {got} {want} of {whole}");
            assert!((got - want).abs() < 0.02 * whole + 1e-4, "{kind}: {got} and {want}, of {whole}");
        }
    }
}

/// A step of plain gradient descent on one fresh batch goes along the samples' gradient, and the cosine is that of the two.
#[test]
fn the_samples_gradient_is_the_step_that_the_engine_takes() {
    for (kind, plan) in every_kind() {
        let base = base(&plan);
        let mut engine = CpuEngine::new(plan.clone(), &[LANE], base.as_ref()).unwrap();
        engine.watch(LANE);
        let mut settings = plan.arms[0].settings.clone();
        settings.beta = 0.0;
        engine.set_settings(0, settings);
        let mut live = Live::new(&plan).unwrap();
        for update in 0..3 {
            engine.update();
            let (_, kept) = engine.watched().unwrap();
            let [params, reference] = engine.followed().unwrap();
            let after = engine.checkpoint().lanes[0].params.clone();
            let step: Vec<f32> = after.iter().zip(params).map(|(x, y)| x - y).collect();
            let followed = Followed { lane: LANE, arm: engine.arm(0), params, reference, kept, update };
            let [exact, sampled] = live.gradients(&followed).unwrap();
            let along = cosine(&step, &sampled);
            assert!(along > 0.9999, "{kind}: {along}");
            let shown = live.exact(&followed).0.unwrap().cosine.unwrap();
            assert!((cosine(&exact, &sampled) - f64::from(shown)).abs() < 1e-5, "{kind}: {shown}");
        }
    }
}

fn cosine(x: &[f32], y: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

/// Every step task that can be walked is followed with an MLP too, over many policies.
#[test]
fn every_walked_task_is_followed_with_an_mlp() {
    for kind in ["bandit", "chain", "gridworld", "judge", "rooms", "steps"] {
        let plan = shipped("coin-circling", |e| {
            plainly(e);
            e.task = Part { kind: kind.into(), params: overrides([]) };
            e.policy = Part { kind: "mlp".into(), params: overrides([]) };
            e.arms[0].code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n".into();
            e.algorithm.insert("learning_rate".into(), number(0.1));
        });
        let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
        engine.watch(LANE);
        let mut live = Live::new(&plan).unwrap_or_else(|why| panic!("{kind}: {why}"));
        for update in 0..3 {
            let row = engine.update().to_vec();
            let (exact, why) = exact(&mut live, &engine, update);
            let exact = exact.unwrap();
            let (_, kept) = engine.watched().unwrap();
            let n = kept.lengths.len() as f32;
            let mean = row[Column::TrueScore as usize];
            let squares = kept.true_scores.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
            // Start states are drawn once a group.
            let error = 5.0 * (squares / 64.0).sqrt() + 0.01;
            println!("{kind}: {exact:?} {mean} {why}");
            assert!((exact.true_score - mean).abs() < error, "{kind}: {exact:?} and {mean}");
            assert!((exact.entropy - row[Column::Entropy as usize]).abs() < 0.05, "{kind}: {exact:?}");
        }
    }
}

/// What is missing of the first update.
fn missing(id: &str, change: impl FnOnce(&mut Experiment)) -> (bool, String) {
    let plan = shipped(id, change);
    let mut live = match Live::new(&plan) {
        Ok(live) => live,
        Err(why) => return (false, why),
    };
    let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
    engine.watch(LANE);
    engine.update();
    let (exact, why) = exact(&mut live, &engine, 0);
    (exact.is_some(), why)
}

#[test]
fn what_is_missing_has_a_reason() {
    let (is_known, why) = missing("grpo-lambda-length", |e| e.base = None);
    assert!(!is_known && why.starts_with("Nothing is known exactly") && why.contains("completions"), "{why}");
    let (is_known, why) = missing("coin-circling", |e| {
        e.algorithm.insert("outer_every".into(), number(2.0));
        e.arms[0].code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n".into();
    });
    assert!(is_known && why.contains("slow loop"), "{why}");
    let changing = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n\ndef combine(r, ep, group, batch, run):\n    return (1.0 - run.progress) * r.goal\n";
    let (is_known, why) = missing("coin-circling", |e| e.arms[0].code = changing.into());
    assert!(is_known && why.contains("changes during the run"), "{why}");
    let (is_known, why) = missing("coin-circling", |e| e.arms[0].code = "def nothing(ep):\n    return 0.0\n".into());
    assert!(is_known && why.contains("zero"), "{why}");
}

#[test]
fn what_is_missing_of_a_token_task_has_a_reason() {
    let with = |code: &str| {
        let plan = short(4, 8);
        let mut engine = CpuEngine::new(plan.clone(), &[LANE], base(&plan).as_ref()).unwrap();
        engine.watch(LANE);
        engine.set_program(0, plan.compile(code).unwrap());
        engine.update();
        let (exact, why) = exact(&mut Live::new(&plan).unwrap(), &engine, 0);
        assert!(why.contains("This is over the update's 4 prompts"), "{why}");
        (exact.unwrap(), why)
    };
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n\n";
    let combined = |body: &str| format!("{right}def combine(r, ep, group, batch, run):\n    return {body}\n");
    let (e, why) = with(&combined("r.right - mean(e.length for e in group)"));
    assert!(e.reward.is_none() && e.cosine.is_none() && why.contains("the others of its group"), "{why}");
    let (e, why) = with(&combined("r.right * run.progress"));
    assert!(e.reward.is_none() && why.contains("changes during the run"), "{why}");
    let (e, why) = with("def right(ep):\n    return 1.0 if ep.length < 4 else None\n");
    assert!(e.reward.is_none() && why.contains("gives them no reward"), "{why}");
    let (e, why) = with(&combined("2.0 * r.right"));
    assert!(e.reward.is_some_and(|r| r > e.true_score) && !why.contains("No exact"), "{why}");
}

/// A short quiz of two seeds, whose instances of the task differ.
fn quiz(updates: f64) -> Arc<Plan> {
    shipped("bnpo", |e| {
        e.run.insert("updates".into(), number(updates));
        e.run.insert("seeds".into(), number(2.0));
    })
}

#[test]
fn a_claim_reads_the_cosines_of_every_seed_at_its_own_task() {
    let plan = quiz(6.0);
    let by_hand = |seed: usize| -> Vec<f32> {
        let lane = LaneId { arm: 0, seed };
        let mut engine = CpuEngine::new(plan.clone(), &[lane], None).unwrap();
        engine.watch(lane);
        let mut live = Live::new(&plan.of_seed(seed)).unwrap();
        let cosine = |update| {
            engine.update();
            exact(&mut live, &engine, update).0.unwrap().cosine.unwrap()
        };
        (0..6).map(cosine).collect()
    };
    let curves = [by_hand(0), by_hand(1)];
    assert_ne!(curves[0], curves[1]);
    assert!(curves.iter().flatten().all(|c| (0.3..1.0).contains(c)), "{curves:?}");
    for (seed, curve) in curves.iter().enumerate() {
        assert_eq!(cosines(&plan, LaneId { arm: 0, seed }, 99).unwrap(), *curve);
    }
    let claim = |statistic| Claim {
        says: "a".into(),
        metric: "oracle/gradient_cosine".into(),
        statistic,
        arm: plan.arms[0].name.clone(),
        minus: None,
        over: None,
        level: None,
        comparison: Comparison::AtLeast,
        threshold: 0.0,
        refuted: false,
        undecided: false,
        measured: None,
    };
    let measured = |all: &[Claim], claim: &Claim| {
        let known = goodhart_core::oracle::claims::Exact::new(all, &plan);
        let exact = |claim: &Claim, arm: usize, seeds: usize| known.numbers(claim, arm, seeds);
        claims::check(claim, &plan, &Curves::new(1, 2), &exact).unwrap().measured
    };
    let (start, mean) = (claim(Statistic::Start), claim(Statistic::Mean));
    let first = 0.5 * (curves[0][0] + curves[1][0]);
    let all = curves.iter().flatten().sum::<f32>() / 12.0;
    assert!(
        (measured(std::slice::from_ref(&start), &start).mean - first).abs() < 1e-6,
        "the first update is enough for a start"
    );
    assert!((measured(&[mean.clone(), start.clone()], &mean).mean - all).abs() < 1e-6);
    assert_eq!(measured(&[start.clone(), mean], &start).n, 2);
}

#[test]
fn a_claim_about_gradients_that_are_not_known_says_why() {
    let why = |plan: &Arc<Plan>| cosines(plan, LANE, 1).unwrap_err();
    assert!(why(&short(4, 8)).contains("base policy"));
    let changing = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n\ndef combine(r, ep, group, batch, run):\n    return (1.0 - run.progress) * r.goal\n";
    let plan = shipped("coin-circling", |e| e.arms[0].code = changing.into());
    assert!(why(&plan).contains("changes during the run"));
}
