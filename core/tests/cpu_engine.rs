//! The CPU engine as a whole: the same bits however lanes are split, wherever it was stopped, and whatever was edited
//! back; and the phenomena that a handful of updates must show.

use goodhart_core::engine::{Bases, CpuEngine, LaneId, WatchedBatch, anatomy, lanes_of};
use goodhart_core::experiment::{self, Experiment, Part};
use goodhart_core::metrics::columns::{MAX_COMPONENTS, ROW, component_mean};
use goodhart_core::metrics::{Column, digest};
use goodhart_core::params::{Overrides, Value};
use goodhart_core::plan::{self, Plan};
use goodhart_core::protocol::Checkpoint;
use std::sync::Arc;

fn shipped(id: &str) -> Experiment {
    let path = format!("{}/../experiments/{id}.toml", env!("CARGO_MANIFEST_DIR"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn small(id: &str, settings: &[(&str, Value)]) -> Arc<Plan> {
    let mut e = shipped(id);
    e.base = None;
    for (name, value) in [("updates", 12.0), ("seeds", 3.0), ("groups", 4.0), ("num_generations", 4.0)] {
        e.run.insert(name.into(), Value::Number(value));
    }
    for (name, value) in settings {
        e.algorithm.insert((*name).into(), value.clone());
    }
    Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{id}: {}", plan::join(&p))))
}

/// Rows of every update, lane by lane: [lane][update * ROW].
fn train(plan: &Arc<Plan>, ids: &[LaneId], updates: usize) -> Vec<Vec<f32>> {
    let mut engine = CpuEngine::new(plan.clone(), ids, None).unwrap();
    let mut rows = vec![Vec::new(); ids.len()];
    for _ in 0..updates {
        for (lane, row) in rows.iter_mut().zip(engine.update().chunks_exact(ROW)) {
            lane.extend_from_slice(row);
        }
    }
    rows
}

const IDS: [&str; 3] = ["grpo-lambda-length", "coin-circling", "par"];

#[test]
fn a_lane_has_the_same_bits_whatever_lanes_share_its_engine() {
    for id in IDS {
        let plan = small(id, &[]);
        let all = lanes_of(&plan, &[0, 1, 2]);
        let together = train(&plan, &all, 4);
        for (i, lane) in all.iter().enumerate() {
            let alone = train(&plan, &[*lane], 4);
            assert_eq!(digest(&together[i]), digest(&alone[0]), "{id}, {lane:?}");
        }
    }
}

/// Paid 1 a step in a cell that nobody leaves, the value head learns 1 / (1 - gamma), unless the horizon counts as the end:
/// then the mean over the steps of what is left until there.
#[test]
fn values_look_beyond_the_horizon_of_a_task_that_could_go_on() {
    let learned = |bootstrap: bool| {
        let mut e = shipped("coin-circling");
        let numbers = |pairs: &[(&str, f64)]| -> Overrides {
            pairs.iter().map(|(name, x)| ((*name).to_string(), Value::Number(*x))).collect()
        };
        e.task = Part { kind: "chain".into(), params: numbers(&[("slip", 0.0), ("horizon", 8.0)]) };
        // Up is all that it does, and there it is.
        e.policy = Part { kind: "table".into(), params: numbers(&[("init_logit", 50.0)]) };
        e.run = numbers(&[("updates", 400.0), ("seeds", 1.0), ("groups", 2.0), ("num_generations", 4.0)]);
        e.algorithm = [
            ("estimator", Value::Text("gae".into())),
            ("gamma", Value::Number(0.5)),
            ("learning_rate", Value::Number(0.02)),
            ("bootstrap_truncated", Value::Bool(bootstrap)),
        ]
        .map(|(name, x)| (name.to_string(), x))
        .into();
        e.arms.truncate(1);
        e.arms[0].code = "def alive(ep, t):\n    return 1.0\n".into();
        e.arms[0].algorithm.clear();
        let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))));
        let ids = lanes_of(&plan, &[0]);
        let mut engine = CpuEngine::new(plan.clone(), &ids, None).unwrap();
        for _ in 0..400 {
            engine.update();
        }
        let policy = plan.policy.build(&plan.policy_params, &plan.interface).unwrap();
        let values = policy.tensors().iter().find(|t| t.name == "value").unwrap().clone();
        // The topmost cell is the first.
        engine.checkpoint().lanes[0].params[values.offset]
    };
    let ended = (1..=8).map(|left| 2.0 - 2.0 * 0.5f32.powi(left)).sum::<f32>() / 8.0;
    // Of GAE's returns only those with lambda = 1 are what is left until the end: the others lean on the values.
    let (beyond, within) = (learned(true), learned(false));
    assert!((beyond - 2.0).abs() < 0.02, "{beyond}");
    assert!((within - ended).abs() < 0.1, "{within} and not about {ended}");
}

/// An arm that learns no values beside one that does: the value head and what is below it are moved by the latter alone.
#[test]
fn an_arm_without_values_is_not_moved_by_its_neighbours() {
    let mut e = shipped("coin-circling");
    e.run.insert("groups".into(), Value::Number(4.0));
    e.arms[1].algorithm.insert("estimator".into(), Value::Text("grpo".into()));
    let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))));
    let all = lanes_of(&plan, &[0]);
    let together = train(&plan, &all, 3);
    let alone = train(&plan, &all[1..2], 3);
    assert_eq!(digest(&together[1]), digest(&alone[0]));
}

#[test]
fn a_run_goes_on_from_a_checkpoint_as_if_it_had_never_stopped() {
    let settings = [("use_adaptive_entropy", Value::Bool(true)), ("num_iterations", Value::Number(2.0))];
    for id in IDS {
        goes_on(&small(id, &settings), id);
    }
}

/// Stops a run after its fifth update, goes on elsewhere, and compares with the one that was not stopped; gives the
/// checkpoint of the fifth update.
fn goes_on(plan: &Arc<Plan>, id: &str) -> Checkpoint {
    let ids = lanes_of(plan, &[1]);
    let mut through = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    (0..5).for_each(|_| drop(through.update().to_vec()));
    let saved = through.checkpoint();
    (0..3).for_each(|_| drop(through.update().to_vec()));
    let mut resumed = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    resumed.restore(&saved).unwrap();
    (0..3).for_each(|_| drop(resumed.update().to_vec()));
    assert_eq!(resumed.checkpoint(), through.checkpoint(), "{id}");
    saved
}

#[test]
fn past_samples_and_moved_weights_are_part_of_a_checkpoint() {
    let settings = [
        ("dynamic_sampling", Value::Text("refill".into())),
        ("ssb_size", Value::Number(24.0)),
        ("estimator", Value::Text("grpo".into())),
        ("outer_every", Value::Number(2.0)),
        ("num_iterations", Value::Number(2.0)),
    ];
    for id in ["coin-circling", "par"] {
        let saved = goes_on(&small(id, &settings), id);
        // Not every arm has found anything that is paid after five updates.
        assert!(saved.lanes.iter().any(|lane| !lane.buffer.is_empty()), "{id}");
        assert!(saved.lanes.iter().all(|lane| !lane.weights.is_empty()), "{id}");
    }
}

#[test]
fn a_refill_raises_the_share_of_samples_with_an_advantage() {
    let share = |sampling: &str| {
        let plan = small(
            "par",
            &[("dynamic_sampling", Value::Text(sampling.into())), ("estimator", Value::Text("grpo".into()))],
        );
        let mut engine = CpuEngine::new(plan.clone(), &lanes_of(&plan, &[0]), None).unwrap();
        let code = "def sparse(ep):\n    return 1.0 if ep.arm < 2 else 0.0\n";
        (0..plan.arms.len()).for_each(|arm| engine.set_program(arm, plan.compile(code).unwrap()));
        let rows: Vec<f32> = (0..12).flat_map(|_| engine.update()[..ROW].to_vec()).collect();
        rows.chunks_exact(ROW).map(|row| row[Column::EffectiveSamples as usize]).collect::<Vec<_>>()
    };
    let (off, refill) = (share("off"), share("refill"));
    assert_eq!(off[0], refill[0], "there is nothing to stand in yet");
    assert!(off.iter().any(|s| *s < 0.5), "{off:?}");
    assert!(refill[11] == 1.0, "{refill:?}");
}

/// Past completions bring their own prompts.
#[test]
fn a_transformer_refills_too() {
    let refill = [("dynamic_sampling", Value::Text("refill".into())), ("ssb_size", Value::Number(24.0))];
    let plan = small("grpo-lambda-length", &refill);
    let saved = goes_on(&plan, "grpo-lambda-length");
    assert!(saved.lanes.iter().any(|lane| !lane.buffer.is_empty()));
    let rows = train(&plan, &lanes_of(&plan, &[0]), 12);
    let column = |column: Column| rows.iter().flatten().skip(column as usize).step_by(ROW);
    assert!(column(Column::EffectiveSamples).any(|share| *share == 1.0));
    assert!(column(Column::NotFinite).all(|count| *count == 0.0));
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let (par, coin) = (small("par", &[]), small("coin-circling", &[]));
    let of = |plan: &Arc<Plan>| CpuEngine::new(plan.clone(), &lanes_of(plan, &[0]), None).unwrap();
    let message = of(&par).restore(&of(&coin).checkpoint()).unwrap_err();
    assert!(message.contains("another policy"), "{message}");
}

/// All arms of an experiment with one estimator.
fn estimating(id: &str, estimator: &str) -> Arc<Plan> {
    let mut e = shipped(id);
    e.arms.iter_mut().for_each(|arm| drop(arm.algorithm.remove("estimator")));
    e.base = None;
    for (name, value) in [("updates", 12.0), ("seeds", 2.0), ("groups", 4.0), ("num_generations", 4.0)] {
        e.run.insert(name.into(), Value::Number(value));
    }
    e.algorithm.insert("estimator".into(), Value::Text(estimator.into()));
    Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{id}: {}", plan::join(&p))))
}

/// A transformer, an MLP or a table, and a table: whatever the policy is, its value head comes and goes.
#[test]
fn a_value_head_joins_a_run_and_leaves_it() {
    for id in IDS {
        let (without, with) = (estimating(id, "grpo"), estimating(id, "gae"));
        let ids = lanes_of(&without, &[1]);
        let new = |plan: &Arc<Plan>, base: Option<&[f32]>| {
            let bases = base.map(|base| Bases::one(base.to_vec()));
            CpuEngine::new(plan.clone(), &ids, bases.as_ref()).unwrap()
        };
        let mut plain = new(&without, None);
        (0..3).for_each(|_| drop(plain.update().to_vec()));
        let saved = plain.checkpoint();
        let trunk = saved.lanes[0].params.len();

        let mut grown = new(&with, None);
        let fresh = grown.checkpoint();
        grown.restore(&saved).unwrap();
        let found = grown.checkpoint();
        assert!(found.lanes[0].params.len() > trunk, "{id}: a head was added");
        for ((found, saved), fresh) in found.lanes.iter().zip(&saved.lanes).zip(&fresh.lanes) {
            assert_eq!(found.params[..trunk], saved.params[..], "{id}: the trunk is kept");
            assert_eq!(found.params[trunk..], fresh.params[trunk..], "{id}: the head is the seed's initial one");
            assert_eq!((&found.m[..trunk], &found.v[..trunk]), (&saved.m[..], &saved.v[..]), "{id}");
            assert!(found.m[trunk..].iter().chain(&found.v[trunk..]).all(|x| *x == 0.0), "{id}");
            assert_eq!((found.opt_step, found.tokens), (saved.opt_step, saved.tokens), "{id}");
        }
        let rows = grown.update().to_vec();
        assert!(
            rows.chunks_exact(ROW).all(|row| row[Column::ValueLoss as usize].is_finite()),
            "{id}: it learns values"
        );

        let mut shrunk = new(&without, None);
        shrunk.restore(&found).unwrap();
        assert_eq!(shrunk.checkpoint(), saved, "{id}: without the head it is what it was");

        // A base policy serves both too.
        let base = saved.lanes[0].params.as_slice();
        assert_eq!(new(&with, Some(base)).checkpoint().lanes[0].params[..trunk], *base, "{id}");
        let longer = found.lanes[0].params.as_slice();
        assert_eq!(new(&without, Some(longer)).checkpoint().lanes[0].params[..], *base, "{id}");
        let cut = CpuEngine::new(with.clone(), &ids, Some(&Bases::one(base[1..].to_vec()))).err().unwrap();
        assert!(cut.contains("the base policy has"), "{id}: {cut}");
    }
}

#[test]
fn arms_share_the_random_numbers_of_a_seed() {
    // With no update there is nothing in which two arms could differ but their programs: lengths and true scores agree.
    let plan = small("coin-circling", &[("learning_rate", Value::Number(0.0))]);
    let rows = train(&plan, &lanes_of(&plan, &[0]), 3);
    for column in [Column::TrueScore, Column::MeanLength, Column::Entropy] {
        for update in 0..3 {
            let at = update * ROW + column as usize;
            assert_eq!(rows[0][at], rows[1][at]);
            assert_eq!(rows[0][at], rows[2][at]);
        }
    }
}

#[test]
fn an_edit_changes_the_reward_at_the_next_update_and_keeps_the_policy() {
    let plan = small("par", &[]);
    let ids = lanes_of(&plan, &[0]);
    let mut engine = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    engine.update();
    let before = engine.checkpoint();
    engine.set_program(0, plan.compile("def nothing(ep):\n    return 7.0\n").unwrap());
    assert_eq!(engine.checkpoint(), before);
    let row = engine.update()[..ROW].to_vec();
    assert_eq!(row[Column::ProxyReward as usize], 7.0);
    assert_eq!(row[Column::FracRewardZeroStd as usize], 1.0);
    assert!(plan.compile("def nothing(ep):\n    return ep.porxy\n").unwrap_err().contains("line 2"));
}

#[test]
fn samples_on_which_the_program_fails_take_no_part() {
    let plan = small("par", &[]);
    let mut engine = CpuEngine::new(plan.clone(), &lanes_of(&plan, &[0]), None).unwrap();
    engine.set_program(0, plan.compile("def broken(ep):\n    return 1.0 / (ep.arm - ep.arm)\n").unwrap());
    let start = engine.checkpoint();
    let row = engine.update()[..ROW].to_vec();
    assert_eq!(row[Column::ErrorRate as usize], 1.0);
    assert!(row[Column::ProxyReward as usize].is_nan());
    assert_eq!(row[Column::NotFinite as usize], 0.0);
    assert_eq!(engine.checkpoint().lanes[0].params, start.lanes[0].params);
}

#[test]
fn a_replayed_minibatch_of_everything_equals_the_rollout() {
    // The second pass over an unchanged policy has ratio 1 everywhere: nothing is clipped, and the gradient is the first's.
    for id in IDS {
        let once = small(id, &[("learning_rate", Value::Number(0.0))]);
        let twice = small(id, &[("learning_rate", Value::Number(0.0)), ("num_iterations", Value::Number(2.0))]);
        let ids = lanes_of(&once, &[0]);
        let (a, b) = (train(&once, &ids, 1), train(&twice, &ids, 1));
        for lane in 0..ids.len() {
            assert_eq!(a[lane][Column::GradNorm as usize], b[lane][Column::GradNorm as usize], "{id}");
            assert_eq!(b[lane][Column::ClipRegionMean as usize], 0.0, "{id}");
        }
    }
}

#[test]
fn a_reward_for_the_goal_teaches_the_way_to_it() {
    let mut e = shipped("coin-circling");
    e.run.insert("updates".into(), Value::Number(60.0));
    e.run.insert("seeds".into(), Value::Number(1.0));
    let plan = Arc::new(plan::plan(&e).unwrap());
    let rows = train(&plan, &lanes_of(&plan, &[0]), 60);
    let last = |lane: usize| rows[lane][59 * ROW + Column::TrueScore as usize];
    assert!(last(0) < 0.2 && last(1) > 0.9, "coin {}, potential {}", last(0), last(1));
}

/// As many components as the language takes, in the rows of the engine.
#[test]
fn every_component_has_its_columns() {
    let code =
        |n: usize| -> String { (0..n).map(|c| format!("def c{c}(ep):\n    return {c}.5 + 0 * ep.arm\n")).collect() };
    let mut e = shipped("par");
    for n in [1, 8, 9, 32] {
        e.arms.truncate(1);
        e.arms[0].code = code(n);
        let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{n}: {}", plan::join(&p))));
        let row = &train(&plan, &lanes_of(&plan, &[0]), 1)[0];
        for c in 0..n {
            assert_eq!(row[component_mean(c)], c as f32 + 0.5, "component {c} of {n}");
        }
        assert!((n..MAX_COMPONENTS).all(|c| row[component_mean(c)].is_nan()));
    }
    e.arms[0].code = code(33);
    let refused = plan::join(&plan::plan(&e).err().expect("33 components"));
    assert!(refused.contains("a program has at most 32 components, this one has 33"), "{refused}");
}

/// Views show the other strategies of the watched seed beside the watched one.
#[test]
fn what_is_kept_beside_the_watched_lane_is_what_watching_it_keeps() {
    let plan = small("coin-circling", &[]);
    let lanes = lanes_of(&plan, &[0, 1]);
    let after = |watched: LaneId| {
        let mut engine = CpuEngine::new(plan.clone(), &lanes, None).unwrap();
        engine.watch(watched);
        engine.update();
        engine.update();
        engine
    };
    let (first, second) = (after(lanes[0]), after(lanes[1]));
    assert_eq!((lanes[0].seed, lanes[1].seed), (0, 0));
    let (_, watched) = second.watched().unwrap();
    let beside = first.beside(lanes[1]).unwrap();
    // Only the watched lane has the fields of the policy's confidence where no reward reads them.
    let same = |of: fn(&WatchedBatch) -> Vec<f32>| assert_eq!(of(beside), of(watched));
    same(|batch| batch.rewards.clone());
    same(|batch| batch.advantages.clone());
    same(|batch| batch.true_scores.clone());
    assert_eq!((&beside.actions, &beside.lengths), (&watched.actions, &watched.lengths));
    assert_eq!(anatomy::visits(&plan, beside), anatomy::visits(&plan, watched));
    let other_seed = lanes.iter().find(|lane| lane.seed == 1).unwrap();
    assert!(first.beside(*other_seed).is_none(), "nothing is kept of lanes that are not shown");

    let scene = anatomy::scene(&plan, &plan.arms[1].program, 1, beside, Vec::new());
    let groups = anatomy::groups(&plan, &plan.arms[1].program, beside);
    assert_eq!(scene.samples[..4], groups[0].samples, "the first group comes first");
    assert_eq!(scene.taken.iter().sum::<u32>(), beside.lengths.iter().sum::<u32>(), "every step took an action");
    assert_eq!(scene.visits, anatomy::visits(&plan, beside));
}
