//! The exploration memory: its fields against a plain count and the textbook's matrix, runs that were stopped, and what
//! is refused.

use goodhart_core::engine::cpu::{CpuEngine, LaneId, lanes_of};
use goodhart_core::experiment::{Arm, Experiment, Part};
use goodhart_core::link;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::metrics::digest;
use goodhart_core::oracle::needs_a_run;
use goodhart_core::params::{Overrides, Value};
use goodhart_core::plan::{self, Plan};
use goodhart_core::tasks::{Play, STATE_WORDS};
use std::collections::HashMap;
use std::sync::Arc;

fn part(kind: &str, params: &[(&str, f64)]) -> Part {
    Part { kind: kind.into(), params: numbers(params) }
}

fn numbers(params: &[(&str, f64)]) -> Overrides {
    params.iter().map(|(name, x)| ((*name).to_string(), Value::Number(*x))).collect()
}

fn experiment(task: Part, policy: &str, memory: Option<Overrides>) -> Experiment {
    let code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef bonus(ep, t):\n    return 0.1 / sqrt(1.0 + ep.visits[t + 1])\n";
    let arm =
        |name: &str| Arm { name: name.into(), code: code.into(), algorithm: Default::default(), ..Arm::default() };
    Experiment {
        exploration: memory,
        run: numbers(&[("updates", 6.0), ("seeds", 2.0), ("groups", 3.0), ("num_generations", 4.0)]),
        algorithm: numbers(&[("learning_rate", 0.1)]),
        ..Experiment::new("memory", task, part(policy, &[]), vec![arm("a"), arm("b")])
    }
}

fn planned(experiment: &Experiment) -> Arc<Plan> {
    Arc::new(plan::plan(experiment).unwrap_or_else(|p| panic!("{}", plan::join(&p))))
}

fn list<'a>(plan: &Plan, record: &'a [f32], name: &str) -> &'a [f32] {
    let f = plan.task.schema.get(name).unwrap();
    &record[f.offset + 1..][..record[f.offset] as usize]
}

/// phi' C^-1 phi along an episode, C kept as its inverse by Sherman and Morrison's formula.
fn elliptical(features: &[Vec<u32>], count: usize, ridge: f64) -> Vec<f64> {
    let mut inverse = vec![vec![0.0f64; count]; count];
    (0..count).for_each(|i| inverse[i][i] = 1.0 / ridge);
    let step = |phi: &Vec<u32>| {
        let u: Vec<f64> = inverse.iter().map(|row| phi.iter().map(|f| row[*f as usize]).sum()).collect();
        let bonus: f64 = phi.iter().map(|f| u[*f as usize]).sum();
        for (row, a) in inverse.iter_mut().zip(&u) {
            row.iter_mut().zip(&u).for_each(|(x, b)| *x -= a * b / (1.0 + bonus));
        }
        bonus
    };
    features.iter().map(step).collect()
}

#[test]
fn the_fields_are_counts_and_the_elliptical_bonus() {
    for (task, policy, ridge) in [
        (part("rooms", &[("channels", 3.0), ("horizon", 40.0)]), "table", 0.1),
        (part("rooms", &[("channels", 3.0), ("horizon", 64.0)]), "mlp", 2.0),
        (part("chain", &[("cells", 8.0)]), "table", 0.1),
    ] {
        let plan = planned(&experiment(task, policy, Some(numbers(&[("ridge", ridge)]))));
        let Play::Steps(play) = &plan.task.play else { panic!("no steps") };
        let lane = LaneId { arm: 0, seed: 0 };
        let mut engine = CpuEngine::new(plan.clone(), &[lane], None).unwrap();
        engine.watch(lane);
        let mut seen: HashMap<u32, u32> = HashMap::new();
        for update in 0..3 {
            engine.update();
            let kept = engine.watched().unwrap().1.clone();
            let mut now = Vec::new();
            for i in 0..plan.n_samples() {
                let record = &kept.records[i * plan.task.schema.stride..][..plan.task.schema.stride];
                // The episode again, for its states.
                let key = goodhart_core::tasks::DrawKey {
                    seed: plan.seed(0),
                    update,
                    group: i as u32 / 4,
                    sample: i as u32 % 4,
                };
                let (mut state, mut scratch) = ([0; STATE_WORDS], vec![0.0; plan.task.schema.stride]);
                play.begin(key, &mut state, &mut scratch);
                let mut states = vec![state];
                for t in 0..kept.lengths[i] {
                    play.step(key, t, kept.actions[i * plan.steps() + t as usize], &mut state, &mut scratch);
                    states.push(state);
                }
                let keys: Vec<u32> = states.iter().map(|s| play.key(s)).collect();
                let before: Vec<f32> = keys.iter().map(|k| seen.get(k).copied().unwrap_or(0) as f32).collect();
                assert_eq!(list(&plan, record, "visits"), before);
                let earlier: Vec<f32> =
                    (0..keys.len()).map(|t| keys[..t].iter().filter(|k| **k == keys[t]).count() as f32).collect();
                assert_eq!(list(&plan, record, "episodic_visits"), earlier);
                let o = play.observation();
                let features: Vec<Vec<u32>> = states
                    .iter()
                    .map(|s| {
                        let mut on = [0; 8];
                        play.features(s, &mut on);
                        on[..o.active].to_vec()
                    })
                    .collect();
                let want = elliptical(&features, o.features, ridge);
                for (t, (got, want)) in list(&plan, record, "elliptical").iter().zip(&want).enumerate() {
                    assert!((f64::from(*got) - want).abs() < 1e-3 * want.max(1.0), "state {t}: {got} for {want}");
                }
                now.extend(keys);
            }
            now.into_iter().for_each(|k| *seen.entry(k).or_insert(0) += 1);
        }
        assert!(seen.values().any(|n| *n > 20));
    }
}

#[test]
fn maps_drawn_anew_are_new_states_and_the_shared_map_is_not() {
    let new = |share: f64| {
        let task = part("rooms", &[("shared_structure", share)]);
        let plan = planned(&experiment(task, "mlp", Some(numbers(&[("buckets", 65536.0)]))));
        let lane = LaneId { arm: 0, seed: 0 };
        let mut engine = CpuEngine::new(plan.clone(), &[lane], None).unwrap();
        engine.watch(lane);
        (0..6).for_each(|_| {
            engine.update();
        });
        let kept = engine.watched().unwrap().1;
        let records = kept.records.chunks_exact(plan.task.schema.stride);
        let visits: Vec<f32> = records.flat_map(|r| list(&plan, r, "visits").to_vec()).collect();
        visits.iter().filter(|v| **v == 0.0).count() as f32 / visits.len() as f32
    };
    assert!(new(0.0) > 0.95 && new(1.0) < 0.5, "{} {}", new(0.0), new(1.0));
}

fn rows(engine: &mut CpuEngine, updates: usize) -> Vec<f32> {
    (0..updates).flat_map(|_| engine.update().to_vec()).collect()
}

#[test]
fn a_resumed_run_remembers_what_was_visited() {
    let plan = planned(&experiment(part("rooms", &[]), "table", Some(Overrides::new())));
    let ids = lanes_of(&plan, &[0, 1]);
    let mut whole = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let want = rows(&mut whole, 6);
    let mut first = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let mut got = rows(&mut first, 3);
    let checkpoint = first.checkpoint();
    assert!(checkpoint.lanes[0].visits.iter().sum::<u32>() > 500 && checkpoint.lanes[0].visits.len() == 4096);
    let mut second = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    second.restore(&checkpoint).unwrap();
    got.extend(rows(&mut second, 3));
    assert_eq!((digest(&got), got.len()), (digest(&want), 6 * ids.len() * ROW));
    let mut forgetful = checkpoint.clone();
    forgetful.lanes.iter_mut().for_each(|l| l.visits.fill(0));
    second.restore(&forgetful).unwrap();
    assert_ne!(digest(&rows(&mut second, 3)), digest(&want[3 * ids.len() * ROW..]), "the counters matter");
    forgetful.lanes[0].visits.pop();
    assert_eq!(second.restore(&forgetful), Err("the checkpoint is of another exploration memory".into()));
}

#[test]
fn without_the_section_there_is_no_memory() {
    let mut plain = experiment(part("rooms", &[]), "table", None);
    assert!(plan::plan(&plain).is_err_and(|p| plan::join(&p).contains("visits")), "no such field");
    plain.arms.iter_mut().for_each(|a| a.code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n".into());
    let mut with = plain.clone();
    with.exploration = Some(Overrides::new());
    assert_eq!(link::decode(&link::encode(&with).unwrap()), Ok(with.clone()));
    let (without, with) = (planned(&plain), planned(&with));
    assert!(without.exploration.is_none() && without.task.schema.stride < with.task.schema.stride);
    let ids = lanes_of(&without, &[0]);
    let mut a = CpuEngine::new(without, &ids, None).unwrap();
    let mut b = CpuEngine::new(with, &ids, None).unwrap();
    assert_eq!(digest(&rows(&mut a, 4)), digest(&rows(&mut b, 4)), "a memory that nobody reads changes nothing");
    assert!(a.checkpoint().lanes[0].visits.is_empty());
}

#[test]
fn the_oracle_says_why_it_does_not_answer() {
    let plan =
        planned(&experiment(part("chain", &[("cells", 4.0), ("horizon", 5.0)]), "table", Some(Overrides::new())));
    let said = goodhart_core::linter::report(&plan, 0).says;
    assert!(said.contains("exploration memory"), "{said}");
}

#[test]
fn what_cannot_be_remembered_is_refused_in_a_sentence() {
    let said = |task: Part, policy: &str, memory: Overrides| {
        let mut e = experiment(task, policy, Some(memory));
        e.arms.iter_mut().for_each(|a| a.code = "def p(ep):\n    return 1.0\n".into());
        plan::plan(&e).err().map(|p| plan::join(&p)).unwrap_or_default()
    };
    assert_eq!(
        said(part("length", &[]), "transformer", Overrides::new()),
        "exploration: only a task of steps has states to count; length writes tokens"
    );
    assert_eq!(
        said(part("chain", &[]), "table", numbers(&[("buckets", 3.0)])),
        "exploration: buckets must be between 16 and 65536, not 3"
    );
}

#[test]
fn what_a_comment_names_is_not_read() {
    let memory = Some(Overrides::new());
    let asks = |code: &str| {
        let mut experiment = experiment(part("chain", &[]), "table", memory.clone());
        experiment.reward_models = Some([("inputs".to_string(), Value::Text("cells".into()))].into());
        experiment.arms.iter_mut().for_each(|arm| arm.code = code.into());
        let plan = planned(&experiment);
        needs_a_run(&plan, &plan.arms[0].program).is_some()
    };
    let commented =
        |comment: &str| asks(&format!("def goal(ep):\n    {comment}\n    return 1.0 if ep.goal else 0.0\n"));
    assert!(!commented("# not ep.rm, ep.rms or ep.visits") && !commented("\"\"\"Without ep.rm.\"\"\""));
    for read in ["ep.rm", "ep[\"rm\"]", "ep.rms[0]", "ep.visits[0]", "ep[\"episodic_visits\"][0]", "ep.elliptical[0]"] {
        assert!(asks(&format!("def r(ep):\n    return {read}\n")), "{read}");
    }
}
