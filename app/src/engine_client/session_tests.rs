use super::*;
use crate::engine_client::load::TRIAL_UPDATES;
use crate::engine_client::recover::MAX_FAILURES;
use goodhart_core::experiment::{Arm, Base, Part};
use goodhart_core::params::Value;
use goodhart_core::protocol::{Bases, Checkpoint, EngineInfo, LaneState};

pub(in crate::engine_client) fn experiment(seeds: u32, base_steps: u32) -> Experiment {
    let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
    let arm = Arm { name: "a".into(), code: "old".into(), algorithm: [].into(), ..Arm::default() };
    Experiment {
        base: Some(Base { batch: 1, learning_rate: 0.1, ..Base::new(base_steps) }),
        run: [("seeds".to_string(), Value::Number(f64::from(seeds)))].into(),
        ..Experiment::new("t", part("bandit"), part("table"), vec![arm])
    }
}

fn adapter(software: bool) -> Option<Adapter> {
    Some(Adapter { name: "x".into(), software })
}

/// What is sent to whom, by name.
pub(in crate::engine_client) fn sent(effects: &[Effect]) -> Vec<(usize, &'static str)> {
    let name = |c: &Command| match c {
        Command::Load { .. } => "load",
        Command::Run { .. } => "run",
        Command::Pause { .. } => "pause",
        Command::Pace { .. } => "pace",
        Command::Step { .. } => "step",
        Command::SetProgram { .. } => "program",
        Command::SetAlgorithm { .. } => "algorithm",
        Command::Watch { .. } => "watch",
        Command::Save { .. } => "save",
    };
    let send = |e: &Effect| match e {
        Effect::Send(at, command) => Some((*at, name(command))),
        _ => None,
    };
    // How far each may run ahead is a matter of its own.
    effects.iter().filter_map(send).filter(|(_, name)| *name != "pace").collect()
}

pub(in crate::engine_client) fn told(effects: Vec<Effect>) -> Vec<ClientEvent> {
    effects.into_iter().filter_map(|e| if let Effect::Tell(t) = e { Some(t) } else { None }).collect()
}

pub(in crate::engine_client) fn ready(s: &mut Session, at: usize) -> Vec<Effect> {
    let engine = EngineInfo { kind: EngineKind::Cpu, adapter: None };
    s.on_event(at, Event::Ready { run: s.run, engine })
}

pub(in crate::engine_client) fn started(s: &mut Session, at: usize, found: Option<Adapter>) -> Vec<Effect> {
    s.on_event(at, Event::Started { adapter: found })
}

pub(in crate::engine_client) fn paused(s: &mut Session, at: usize, update: u32) -> Vec<Effect> {
    s.on_event(at, Event::Paused { run: s.run, update, finished: false })
}

pub(in crate::engine_client) fn report(s: &mut Session, at: usize, update: u32) -> Vec<Effect> {
    let index = vec![RowIndex { arm: 0, seed: at as u32, update: update - 1 }];
    let event = Event::Report { run: s.run, index, values: vec![0.0], anatomy: None, updates_per_s: 1.0 };
    s.on_event(at, event)
}

pub(in crate::engine_client) fn checkpoint(update: u32, seeds: &[u32]) -> Checkpoint {
    let lane = |seed: &u32| lane(0, *seed);
    Checkpoint { update, lanes: seeds.iter().map(lane).collect() }
}

pub(in crate::engine_client) fn lane(arm: u32, seed: u32) -> LaneState {
    LaneState { arm, seed, ..LaneState::default() }
}

/// Two CPU workers, loaded and ready.
fn two_workers() -> Session {
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    s.load(experiment(4, 0), vec![7], Start::default());
    started(&mut s, 0, None);
    started(&mut s, 1, None);
    ready(&mut s, 0);
    ready(&mut s, 1);
    s
}

#[test]
fn the_seeds_are_split_among_the_workers_that_there_are_cores_for() {
    let (mut s, _) = Session::new(Choice::Auto, 2);
    assert!(
        s.load(experiment(3, 0), vec![7], Start::default()).is_empty(),
        "waits for the first worker's word on the adapter"
    );
    let effects = started(&mut s, 0, adapter(true));
    assert_eq!(sent(&effects), [(0, "load")]);
    assert!(matches!(effects[0], Effect::Start(1)), "a second worker for the CPU: the adapter is software");
    let Some(Effect::Send(0, Command::Load { seeds, engine, .. })) = effects.last() else { panic!("no load") };
    assert_eq!((seeds.as_slice(), *engine), (&[0, 2][..], EngineKind::Cpu));
    let effects = started(&mut s, 1, adapter(true));
    assert!(matches!(&effects[0], Effect::Send(1, Command::Load { seeds, .. }) if seeds == &[1]));
}

/// Answers a load: ready, then a report at a rate, then at rest after the trial's updates.
fn tried(s: &mut Session, at: usize, rate: f32) -> Vec<Effect> {
    ready(s, at);
    let index = vec![RowIndex { arm: 0, seed: 0, update: TRIAL_UPDATES - 1 }];
    let event = Event::Report { run: s.run, index, values: vec![0.0], anatomy: None, updates_per_s: rate };
    assert!(s.on_event(at, event).is_empty(), "nobody sees the rows of a trial");
    paused(s, at, TRIAL_UPDATES)
}

#[test]
fn with_a_graphics_card_the_faster_engine_is_kept() {
    for (cpu, gpu, kept) in [(50.0, 90.0, EngineKind::Gpu), (90.0, 50.0, EngineKind::Cpu)] {
        let (mut s, _) = Session::new(Choice::Auto, 1);
        s.load(experiment(4, 0), vec![7], Start::default());
        s.run(0);
        let load = |e: &[Effect]| match e.iter().find_map(|e| if let Effect::Send(0, c) = e { Some(c) } else { None }) {
            Some(Command::Load { engine, seeds, .. }) => Some((*engine, seeds.len())),
            _ => None,
        };
        assert_eq!(load(&started(&mut s, 0, adapter(false))), Some((EngineKind::Cpu, 4)));
        assert_eq!(load(&tried(&mut s, 0, cpu)), Some((EngineKind::Gpu, 4)));
        assert_eq!(load(&tried(&mut s, 0, gpu)), Some((kept, 4)));
        let effects = ready(&mut s, 0);
        assert!(sent(&effects).contains(&(0, "run")), "what was wished for meanwhile holds now");
        assert!(told(effects).iter().any(|t| matches!(t, ClientEvent::Engine(v) if v.kind == kept)));
    }
}

#[test]
fn the_chosen_webgpu_takes_all_seeds_in_one_worker() {
    let (mut s, _) = Session::new(Choice::Gpu, 8);
    s.load(experiment(4, 0), vec![7], Start::default());
    let effects = started(&mut s, 0, adapter(true));
    let load = effects.iter().any(
        |e| matches!(e, Effect::Send(0, Command::Load { seeds, engine: EngineKind::Gpu, .. }) if seeds.len() == 4),
    );
    assert!(load);
}

#[test]
fn one_worker_makes_the_base_policies_for_all() {
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    let mut e = experiment(3, 5);
    e.base.as_mut().unwrap().policies = 2;
    s.load(e, vec![7], Start::default());
    assert_eq!(sent(&started(&mut s, 0, None)), [(0, "load")]);
    assert_eq!(sent(&started(&mut s, 1, None)), []);
    let made = |number| Event::Base { run: s.run, policy: BasePolicy { number, params: vec![1.0] } };
    let (first, second) = (made(0), made(1));
    assert_eq!(sent(&s.on_event(0, first)), [], "the seed of the other worker starts from the other one");
    let effects = s.on_event(0, second);
    assert_eq!(sent(&effects), [(1, "load")]);
    let has_both = |bases: &Bases| bases.has(0) && bases.has(1);
    assert!(matches!(effects.last(), Some(Effect::Send(1, Command::Load { bases, .. })) if has_both(bases)));
}

#[test]
fn after_a_pause_every_lane_has_done_as_much() {
    let mut s = two_workers();
    assert_eq!(sent(&s.run(0)), [(0, "run"), (1, "run")]);
    report(&mut s, 0, 7);
    assert_eq!(sent(&s.pause(7)), [(0, "pause"), (1, "pause")]);
    assert!(told(paused(&mut s, 0, 7)).is_empty());
    let effects = paused(&mut s, 1, 5);
    let steps = |e: &Effect| matches!(e, Effect::Send(1, Command::Step { n: 2, .. }));
    assert!(effects.iter().any(steps), "the one behind catches up: {effects:?}");
    let said = told(paused(&mut s, 1, 7));
    assert!(matches!(said[..], [ClientEvent::Paused { update: 7, finished: false }]));
}

#[test]
fn a_paused_run_is_kept_as_it_rests() {
    let mut s = two_workers();
    s.run(0);
    let run = s.run;
    s.on_event(0, Event::Checkpointed { run, checkpoint: checkpoint(3, &[0, 2]) });
    s.on_event(1, Event::Checkpointed { run, checkpoint: checkpoint(7, &[1, 3]) });
    s.pause(7);
    assert_eq!(sent(&paused(&mut s, 0, 7)), [(0, "save")], "its last checkpoint is older");
    assert_eq!(sent(&paused(&mut s, 1, 7)), [], "its last checkpoint is of now");
    // A step's end is followed by a checkpoint, unasked.
    s.step(1);
    assert_eq!(sent(&paused(&mut s, 0, 8)), []);
}

#[test]
fn an_edit_is_in_use_when_every_worker_uses_it() {
    let mut s = two_workers();
    assert_eq!(sent(&s.set_program(7, 1, "new".into())), [(0, "program"), (1, "program")]);
    let edited = |run, update| Event::Edited { run, arm: 0, edit: 1, update, error: None };
    let run = s.run;
    assert!(s.on_event(0, edited(run, 4)).is_empty());
    let said = told(s.on_event(1, edited(run, 6)));
    assert!(matches!(said[..], [ClientEvent::Edited { edit: 1, update: 6, error: None, .. }]));
    assert_eq!(s.plan.as_ref().unwrap().crew.experiment.arms[0].code, "new");
}

#[test]
fn a_lost_device_moves_the_run_to_the_cpu_from_its_checkpoint() {
    let (mut s, _) = Session::new(Choice::Gpu, 2);
    s.load(experiment(2, 0), vec![7], Start::default());
    started(&mut s, 0, adapter(false));
    ready(&mut s, 0);
    s.run(0);
    let run = s.run;
    s.on_event(0, Event::Checkpointed { run, checkpoint: checkpoint(30, &[0, 1]) });
    report(&mut s, 0, 40);
    let effects = s.on_event(0, Event::Failed { run, message: "device lost".into(), checkpoint: None });
    assert!(effects.iter().any(|e| matches!(e, Effect::Tell(ClientEvent::Moved { rewind: Some(30), .. }))));
    let effects = started(&mut s, 0, None);
    let Some(Effect::Send(0, Command::Load { engine, seeds, checkpoint: Some(c), .. })) = effects.first() else {
        panic!("no load from the checkpoint")
    };
    assert_eq!((*engine, seeds.len(), c.update, c.lanes.len()), (EngineKind::Cpu, 1, 30, 1));
    assert!(sent(&ready(&mut s, 0)).contains(&(0, "run")), "and goes on running");
    let late = Event::Report { run, index: Vec::new(), values: Vec::new(), anatomy: None, updates_per_s: 0.0 };
    assert!(s.on_event(0, late).is_empty(), "what the old run still says is dropped");
}

#[test]
fn a_crashed_cpu_worker_goes_on_from_its_own_checkpoint_but_not_for_ever() {
    let mut s = two_workers();
    s.run(0);
    let run = s.run;
    s.on_event(1, Event::Checkpointed { run, checkpoint: checkpoint(9, &[1, 3]) });
    for _ in 0..MAX_FAILURES {
        let effects = s.on_crash(1, "trap".into());
        assert!(matches!(effects[0], Effect::Start(1)));
        let effects = started(&mut s, 1, None);
        assert!(matches!(&effects[0], Effect::Send(1, Command::Load { checkpoint: Some(c), .. }) if c.update == 9));
        ready(&mut s, 1);
    }
    assert!(told(s.on_crash(1, "trap".into())).iter().any(|t| matches!(t, ClientEvent::Stuck(_))));
}

#[test]
fn an_experiment_that_the_engine_refuses_is_said_so() {
    let (mut s, _) = Session::new(Choice::Cpu, 1);
    s.load(experiment(1, 0), vec![7], Start::default());
    started(&mut s, 0, None);
    let run = s.run;
    let said = told(s.on_event(0, Event::Failed { run, message: "no".into(), checkpoint: None }));
    assert!(matches!(&said[..], [ClientEvent::Stuck(m)] if m == "No."));
}

#[test]
fn what_an_abandoned_run_still_says_is_not_heard() {
    let mut s = two_workers();
    assert!(!report(&mut s, 0, 1).is_empty());
    let old = s.run;
    s.retire();
    let index = vec![RowIndex { arm: 0, seed: 0, update: 1 }];
    let late = Event::Report { run: old, index, values: vec![0.0], anatomy: None, updates_per_s: 1.0 };
    assert!(s.on_event(0, late).is_empty());
}

#[test]
fn asked_for_webgpu_where_there_is_none_the_cpu_trains_and_it_is_said() {
    let (mut s, _) = Session::new(Choice::Gpu, 2);
    s.load(experiment(2, 0), vec![7], Start::default());
    let effects = started(&mut s, 0, None);
    assert!(matches!(&effects[..], [.., Effect::Send(0, Command::Load { engine: EngineKind::Cpu, .. })]));
    let said = told(effects);
    assert!(
        matches!(&said[..], [ClientEvent::Moved { message, rewind: None }] if message.contains("WebGPU")),
        "{said:?}"
    );
    s.load(experiment(2, 0), vec![7], Start::default());
    assert!(told(s.load(experiment(2, 0), vec![7], Start::default())).is_empty(), "once is enough");
}

#[test]
fn the_newer_of_two_checkpoints_is_gone_on_from() {
    for (kept, sent, newer) in [(30, 20, 30), (20, 30, 30)] {
        let (mut s, _) = Session::new(Choice::Gpu, 1);
        s.load(experiment(1, 0), vec![7], Start::default());
        started(&mut s, 0, adapter(false));
        ready(&mut s, 0);
        s.run(0);
        let run = s.run;
        s.on_event(0, Event::Checkpointed { run, checkpoint: checkpoint(kept, &[0]) });
        let last = Some(checkpoint(sent, &[0]));
        let said = told(s.on_event(0, Event::Failed { run, message: "lost".into(), checkpoint: last }));
        assert!(matches!(said[..], [ClientEvent::Moved { rewind: Some(update), .. }] if update == newer), "{said:?}");
    }
}

#[test]
fn an_edit_on_its_way_reaches_a_worker_that_crashed_after_taking_it() {
    let mut s = two_workers();
    s.run(0);
    s.set_program(7, 1, "new".into());
    let run = s.run;
    s.on_event(1, Event::Edited { run, arm: 0, edit: 1, update: 4, error: None });
    s.on_crash(1, "trap".into());
    started(&mut s, 1, None);
    assert!(sent(&ready(&mut s, 1)).contains(&(1, "program")), "it was loaded with the old program");
    let edited = |run| Event::Edited { run, arm: 0, edit: 1, update: 4, error: None };
    assert!(s.on_event(0, edited(run)).is_empty(), "not in use before both have it");
    assert!(!told(s.on_event(1, edited(run))).is_empty());
}

#[test]
fn an_edit_in_use_is_followed_by_a_checkpoint() {
    let mut s = two_workers();
    s.run(0);
    report(&mut s, 0, 3);
    report(&mut s, 1, 3);
    s.set_program(7, 1, "new".into());
    let edited = |run| Event::Edited { run, arm: 0, edit: 1, update: 3, error: None };
    let run = s.run;
    s.on_event(0, edited(run));
    assert_eq!(sent(&s.on_event(1, edited(run))), [(0, "save"), (1, "save")], "a crash does not go back before it");
}

#[test]
fn when_one_worker_cannot_go_on_the_others_rest() {
    let mut s = two_workers();
    s.run(0);
    let run = s.run;
    for _ in 0..MAX_FAILURES {
        s.on_crash(1, "trap".into());
        started(&mut s, 1, None);
        ready(&mut s, 1);
    }
    assert_eq!(sent(&s.on_crash(1, "trap".into())), [(0, "pause")]);
    assert!(s.on_event(1, Event::Failed { run, message: "echo".into(), checkpoint: None }).is_empty());
}

#[test]
fn what_is_said_of_a_failure_is_whole_sentences() {
    let (mut s, _) = Session::new(Choice::Gpu, 1);
    s.load(experiment(1, 0), vec![7], Start::default());
    started(&mut s, 0, adapter(false));
    let run = s.run;
    let message = "The GPU ran out of memory.".to_string();
    let said = told(s.on_event(0, Event::Failed { run, message, checkpoint: None }));
    let [ClientEvent::Moved { message, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(message, "The GPU ran out of memory. The CPU trains this run instead.");
}

#[test]
fn the_late_answer_to_a_pause_does_not_stop_what_was_wished_since() {
    let mut s = two_workers();
    s.run(0);
    s.pause(7);
    s.run(0);
    assert!(paused(&mut s, 0, 4).is_empty() && paused(&mut s, 1, 5).is_empty(), "they were told to run since");
    s.pause(7);
    s.step(10);
    assert!(paused(&mut s, 0, 6).is_empty() && paused(&mut s, 1, 6).is_empty(), "they were told to step since");
    paused(&mut s, 0, 15);
    assert!(matches!(told(paused(&mut s, 1, 15))[..], [ClientEvent::Paused { update: 15, .. }]));
}

#[test]
fn an_engine_whose_file_did_not_load_is_tried_again_at_the_next_load() {
    let (mut s, _) = Session::new(Choice::Auto, 1);
    assert!(
        s.load(experiment(1, 0), vec![7], Start::default()).is_empty(),
        "the first worker has not said what there is"
    );
    let why = told(s.on_crash(0, "Uncaught TypeError: Failed to fetch".into()));
    assert!(
        matches!(&why[..], [ClientEvent::Stuck(why)] if !why.contains("Uncaught") && why.ends_with("Run tries again."))
    );
    let effects = s.load(experiment(1, 0), vec![7], Start::default());
    assert!(matches!(effects[..], [Effect::Start(0)]), "{effects:?}");
    assert_eq!(sent(&started(&mut s, 0, None)), [(0, "load")]);
}

#[test]
fn the_progress_of_reward_models_is_that_of_all_workers() {
    let (mut s, _) = Session::new(Choice::Cpu, 2);
    started(&mut s, 0, None);
    s.load(experiment(2, 0), vec![7], Start::default());
    started(&mut s, 1, None);
    let mut hear = |at, step| {
        let event = Event::ModelsProgress { run: s.run, step, of: 100 };
        match told(s.on_event(at, event)).pop() {
            Some(ClientEvent::ModelsProgress { step, of }) => (step, of),
            _ => (0, 0),
        }
    };
    assert_eq!(hear(0, 10), (10, 100));
    assert_eq!(hear(1, 30), (40, 200));
    assert_eq!(hear(0, 20), (50, 200));
}

#[test]
fn a_run_that_is_stuck_is_left_by_the_workers_that_load_it_or_start_only_now() {
    let (mut s, _) = Session::new(Choice::Cpu, 3);
    started(&mut s, 0, None);
    s.load(experiment(3, 0), vec![7], Start::default());
    started(&mut s, 1, None);
    let run = s.run;
    let said = told(s.on_event(0, Event::Failed { run, message: "no file".into(), checkpoint: None }));
    assert!(matches!(&said[..], [ClientEvent::Stuck(_)]), "{said:?}");
    assert!(s.on_event(1, Event::ModelsProgress { run, step: 1, of: 2 }).is_empty());
    assert!(s.on_event(1, Event::Failed { run, message: "no file".into(), checkpoint: None }).is_empty());
    assert!(started(&mut s, 2, None).is_empty());
    // The next load is for all workers.
    started(&mut s, 0, None);
    assert_eq!(sent(&s.load(experiment(3, 0), vec![7], Start::default())), [(0, "load"), (1, "load"), (2, "load")]);
}

#[test]
fn a_worker_that_holds_much_of_an_earlier_run_gives_way_to_a_new_one() {
    let mut s = two_workers();
    s.load(experiment(4, 0), vec![7], Start::default());
    let run = s.run;
    assert!(s.on_event(1, Event::Outgrown { run: run - 1 }).is_empty(), "the word of an earlier load");
    let effects = s.on_event(1, Event::Outgrown { run });
    assert!(matches!(effects[..], [Effect::Stop(1), Effect::Start(1)]), "{effects:?}");
    assert_eq!(sent(&started(&mut s, 1, None)), [(1, "load")]);
}
