//! How messages of the protocol travel between page and worker: one transferable byte array a message (`bytes`), fields in
//! the order of these tables. Page and worker are built together, so there are no names and no versions inside; what a
//! browser keeps for later has `KEPT_VERSION` beside it.

pub use super::bytes::{Wire, WireError, decode, encode};

use super::bytes::{Input, as_json, enums, structs};
use crate::experiment::Experiment;
use crate::params::Overrides;
use crate::protocol::{
    Adapter, Anatomy, BasePolicy, Bases, Checkpoint, Command, EngineInfo, EngineKind, Event, Exact, Group, GroupTag,
    LaneState, RowIndex, Sample, Scene, TrainedOn, TrainingCommand, TrainingEvent,
};
use crate::reward_models::{Bin, Calibration, Examples, Job, ModelJob, ModelShape, Objective, TrainingReport};

/// What the bytes of `Checkpoint` and of rows with their `RowIndex` mean. A browser keeps them after the page that wrote
/// them; a later page reads those of its own version only. Raise it with every change of their fields, of the columns of a
/// row or of `RUN_FIELDS`.
pub const KEPT_VERSION: u32 = 2;

as_json!(Experiment, Overrides, Objective, ModelShape);

structs! {
    Adapter { name, software }
    EngineInfo { kind, adapter }
    RowIndex { arm, seed, update }
    BasePolicy { number, params }
    Bases { policies }
    LaneState {
        arm, seed, params, m, v, opt_step, entropy_coef, entropy_last, tokens, run, reward_models, weights, buffer, visits
    }
    Checkpoint { update, lanes }
    Sample { advantage, reward, true_score, length, truncated, components, error, actions, record }
    Group { tag, prompt, samples }
    Bin { count, confidence, right }
    Calibration { pairs, ordered, bins }
    TrainingReport { seed, each, mean }
    TrainedOn { kind, cpu_ms, gpu_ms }
    Examples { first, second, targets }
    ModelJob { weights, examples }
    Job { shape, objective, margin, batch, steps, learning_rate, weight_decay, seed, round, rows, models }
    Exact { reward, true_score, entropy, kl, cosine }
    Scene { arm, group, prompt, samples, policy, visits, paid, taken }
    Anatomy { arm, seed, update, component_names, groups, policy, visits, scenes, exact, missing }
}

enums! {
    EngineKind { 0 Cpu, 1 Gpu }
    GroupTag { 0 Effective, 1 TooEasy, 2 TooHard, 3 Truncated, 4 Error }
    Command {
        0 Load { run, experiment, seeds, engine, bases, checkpoint },
        1 Run { run, delay_ms },
        2 Pause { run, at },
        3 Step { run, n },
        4 SetProgram { run, arm, edit, code },
        5 SetAlgorithm { run, arm, edit, algorithm },
        6 Watch { run, arm, seed },
        7 Save { run },
        8 Pace { run, update }
    }
    Event {
        0 Started { adapter },
        1 BaseProgress { run, step, of, loss },
        2 Base { run, policy },
        3 Ready { run, engine },
        4 Report { run, index, values, anatomy, updates_per_s },
        5 Edited { run, arm, edit, update, error },
        6 Checkpointed { run, checkpoint },
        7 Paused { run, update, finished },
        8 Failed { run, message, checkpoint },
        9 ModelsProgress { run, step, of },
        10 Models { run, reports, on },
        11 CompileProgress { run, stage, of },
        12 Notice { run, message },
        13 Alive { run },
        16 Outgrown { run }
    }
    TrainingCommand {
        0 Train { id, gpu, job }
    }
    TrainingEvent {
        0 Started,
        1 Progress { id, step, of },
        2 Trained { id, weights, on },
        3 Failed { id, message }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_VERSION, decode, encode};
    use crate::experiment::{Arm, Base, Experiment, Part};
    use crate::metrics::columns::{COLUMNS, ROW};
    use crate::params::Value;
    use crate::plan::RUN_FIELDS;
    use crate::protocol::{
        Anatomy, Bases, Checkpoint, Command, EngineKind, Event, Exact, Group, GroupTag, LaneState, RowIndex, Sample,
        Scene, TrainedOn, TrainingCommand, TrainingEvent,
    };
    use crate::reward_models::TrainingReport;

    fn experiment() -> Experiment {
        let part = |kind: &str| Part { kind: kind.into(), params: [("k".to_string(), Value::Number(8.0))].into() };
        let arm = Arm {
            name: "a".into(),
            code: "def r(ep):\n    return 1.0\n".into(),
            algorithm: [].into(),
            ..Arm::default()
        };
        Experiment {
            base: Some(Base { steps: 3, batch: 4, learning_rate: 0.1, seed: 1, policies: 2 }),
            run: [("updates".to_string(), Value::Number(7.0))].into(),
            algorithm: [("hidden".to_string(), Value::List(vec![1.0, 2.5]))].into(),
            charts: vec!["true_score".into()],
            ..Experiment::new("t", part("bandit"), part("table"), vec![arm])
        }
    }

    fn lane() -> LaneState {
        LaneState {
            arm: 1,
            seed: 2,
            params: vec![0.1, -0.0, f32::MAX],
            m: vec![f32::INFINITY],
            v: Vec::new(),
            opt_step: 9,
            entropy_coef: 0.5,
            entropy_last: 1.5,
            tokens: 64.0,
            run: vec![1.0],
            reward_models: vec![0.5, -2.0],
            weights: vec![0.5],
            buffer: vec![7, u32::MAX],
            visits: vec![3, 0],
        }
    }

    #[test]
    fn a_training_of_reward_models_comes_back_whole() {
        use crate::engine::reward_models::FirstTraining;
        use crate::reward_models::agreement;
        let text = r#"{"version": 1, "title": "t", "task": {"kind": "bandit"}, "policy": {"kind": "table"},
            "reward_models": {"count": 2, "pairs": 20}, "arms": [{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}]}"#;
        let plan = crate::plan::plan(&serde_json::from_str(text).unwrap()).unwrap_or_else(|e| panic!("{e:?}"));
        let start = FirstTraining::new(&std::sync::Arc::new(plan), 0, None).unwrap().unwrap();
        let command = TrainingCommand::Train { id: 7, gpu: true, job: Box::new(start.job().clone()) };
        let Ok(TrainingCommand::Train { id: 7, gpu: true, job }) = decode(&encode(&command)) else {
            panic!("not a training")
        };
        assert!(*job == *start.job() && job.models.len() == 2 && job.rows.len() > 20);
        let mean = agreement(job.objective, 2, 2, |i| i as f32, |i| i as f32, |i| i as f32);
        let report = TrainingReport { seed: 1, each: vec![f32::NAN, 0.5], mean };
        let on = TrainedOn { kind: EngineKind::Gpu, cpu_ms: Some(3.1), gpu_ms: Some(0.25) };
        let event = Event::Models { run: 1, reports: vec![report.clone()], on: Some(on) };
        let trained = TrainingEvent::Trained { id: 7, weights: vec![1.5], on };
        let Ok(TrainingEvent::Trained { id: 7, weights, on: heard }) = decode(&encode(&trained)) else {
            panic!("no weights")
        };
        assert_eq!((weights, heard), (vec![1.5], on));
        assert_eq!(on.to_string(), "trained on WebGPU: 0.2 ms a step, the CPU 3.1");
        let Ok(Event::Models { reports, on: Some(heard), .. }) = decode(&encode(&event)) else {
            panic!("not a report")
        };
        assert_eq!(heard, on);
        assert_eq!(reports[0].mean, report.mean);
        assert!(reports[0].each[0].is_nan());
    }

    #[test]
    fn a_load_comes_back_whole() {
        let lane = lane();
        let command = Command::Load {
            run: 3,
            experiment: Box::new(experiment()),
            seeds: vec![0, 2],
            engine: EngineKind::Cpu,
            bases: Bases::one(vec![1.0, 2.0]),
            checkpoint: Some(Checkpoint { update: 4, lanes: vec![lane.clone()] }),
        };
        let Ok(Command::Load { experiment: e, seeds, bases, checkpoint, .. }) = decode(&encode(&command)) else {
            panic!("not a load");
        };
        assert_eq!(*e, experiment());
        assert_eq!(seeds, [0, 2]);
        assert_eq!(bases, Bases::one(vec![1.0, 2.0]));
        assert_eq!(checkpoint, Some(Checkpoint { update: 4, lanes: vec![lane] }));
    }

    #[test]
    fn what_a_browser_keeps_is_what_its_version_says() {
        let f = f32::to_bits;
        let checkpoint = Checkpoint { update: 4, lanes: vec![lane()] };
        let rows = (vec![RowIndex { arm: 5, seed: 6, update: 7 }], vec![0.5_f32]);
        let words =
            |bytes: Vec<u8>| bytes.chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect::<Vec<_>>();
        let head = [4, 1, 1, 2];
        let policy = [3, f(0.1), f(-0.0), f(f32::MAX), 1, f(f32::INFINITY), 0];
        let counters = [9, f(0.5), f(1.5), f(64.0)];
        let rest = [1, f(1.0), 2, f(0.5), f(-2.0), 1, f(0.5), 2, 7, u32::MAX, 2, 3, 0];
        let columns: Vec<_> = COLUMNS.iter().map(|c| c.name).collect();
        let why = "this changes what is kept: raise KEPT_VERSION, and say here what the new one is";
        assert_eq!(KEPT_VERSION, 2, "{why}");
        assert_eq!(words(encode(&checkpoint)), [&head[..], &policy, &counters, &rest].concat(), "{why}");
        assert_eq!(words(encode(&rows)), [1, 5, 6, 7, 1, f(0.5)], "{why}");
        assert_eq!(
            columns.join(" "),
            "true_score proxy_reward reward reward_std frac_reward_zero_std entropy kl loss policy_loss value_loss \
             grad_norm learning_rate entropy_coef clip_ratio/low_mean clip_ratio/high_mean clip_ratio/region_mean \
             completions/mean_length completions/min_length completions/max_length completions/clipped_ratio \
             completions/mean_terminated_length error_rate groups/effective groups/too_easy groups/too_hard num_tokens \
             effective_samples inference/best_of_n inference/worst_of_n inference/majority not_finite rm/accuracy rm/ece \
             filter/r2",
            "{why}"
        );
        assert_eq!(ROW, COLUMNS.len() + 3 * 32, "{why}");
        assert_eq!(
            RUN_FIELDS.join(" "),
            "step updates progress reward reward_std entropy mean_length kl frac_reward_zero_std",
            "{why}"
        );
    }

    #[test]
    fn numbers_that_are_not_finite_survive() {
        let index = vec![RowIndex { arm: 0, seed: 1, update: 2 }];
        let event = Event::Report {
            run: 1,
            index: index.clone(),
            values: vec![f32::NAN, f32::NEG_INFINITY, 1.5],
            anatomy: None,
            updates_per_s: 3.0,
        };
        let Ok(Event::Report { index: i, values, .. }) = decode(&encode(&event)) else {
            panic!("not a report");
        };
        assert_eq!(i, index);
        assert!(values[0].is_nan() && values[1] == f32::NEG_INFINITY && values[2] == 1.5);
    }

    #[test]
    fn an_anatomy_comes_back_whole() {
        let sample = Sample {
            advantage: -0.5,
            reward: None,
            true_score: 1.0,
            length: 2,
            truncated: true,
            components: vec![Some(1.0), None],
            error: Some(("division by zero".into(), 3)),
            actions: vec![4, 5],
            record: vec![0.5; 3],
        };
        let group = Group { tag: GroupTag::TooHard, prompt: vec![7], samples: vec![sample] };
        let anatomy = Anatomy {
            arm: 1,
            seed: 2,
            update: 3,
            component_names: vec!["a".into(), "b".into()],
            groups: vec![group],
            policy: vec![0.25; 4],
            visits: Vec::new(),
            scenes: vec![Scene { arm: 1, group: 1, taken: vec![2, 0], paid: vec![0.5, 1.0], ..Scene::default() }],
            exact: Some(Exact { reward: None, true_score: 0.5, entropy: 1.0, kl: 0.1, cosine: Some(0.9) }),
            missing: "No exact reward: it changes.".into(),
        };
        let event = Event::Report {
            run: 1,
            index: Vec::new(),
            values: Vec::new(),
            anatomy: Some(Box::new(anatomy.clone())),
            updates_per_s: 3.0,
        };
        let Ok(Event::Report { anatomy: Some(got), .. }) = decode(&encode(&event)) else { panic!("not a report") };
        assert_eq!(*got, anatomy);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = encode(&Command::SetProgram { run: 1, arm: 0, edit: 2, code: "def a(ep): pass".into() });
        for end in 0..bytes.len() {
            assert!(decode::<Command>(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(decode::<Command>(&[&bytes[..], &[0]].concat()).is_err(), "something behind it");
        assert!(decode::<Command>(&[99]).is_err());
        // A length that no message has asks for no memory.
        assert!(decode::<Event>(&[2, 0, 0, 0, 0, 255, 255, 255, 255]).is_err());
    }
}
